package gridflex.druid.avro;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.avro.util.Utf8;
import org.apache.druid.data.input.InputEntity;
import org.apache.druid.data.input.InputRow;
import org.apache.druid.data.input.InputRowSchema;
import org.apache.druid.data.input.IntermediateRowParsingReader;
import org.apache.druid.data.input.impl.MapInputRowParser;
import org.apache.druid.java.util.common.CloseableIterators;
import org.apache.druid.java.util.common.parsers.CloseableIterator;

/** Reads the one record of each message. */
final class AvroStreamReader extends IntermediateRowParsingReader<byte[]> {
  private final InputRowSchema schema;
  private final InputEntity source;
  private final AvroBytesDecoder decoder;
  private final PlainValues plainValues;

  AvroStreamReader(InputRowSchema schema, InputEntity source, AvroBytesDecoder decoder, PlainValues plainValues) {
    this.schema = schema;
    this.source = source;
    this.decoder = decoder;
    this.plainValues = plainValues;
  }

  /** The message's bytes. Kafka hands an entity that only opens as a stream, and changes under the reader. */
  @Override
  protected CloseableIterator<byte[]> intermediateRowIterator() throws IOException {
    try (InputStream stream = source.open()) {
      return CloseableIterators.withEmptyBaggage(Collections.singleton(stream.readAllBytes()).iterator());
    }
  }

  @Override
  protected InputEntity source() {
    return source;
  }

  @Override
  protected String intermediateRowAsString(byte[] message) {
    return new Utf8(message).toString();
  }

  @Override
  protected List<InputRow> parseInputRows(byte[] message) {
    return List.of(MapInputRowParser.parse(schema, plain(message)));
  }

  @Override
  protected List<Map<String, Object>> toMap(byte[] message) {
    return List.of(plain(message));
  }

  private Map<String, Object> plain(byte[] message) {
    return plainValues.of(decoder.decode(ByteBuffer.wrap(message)));
  }
}
