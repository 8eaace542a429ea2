package gridflex.druid.avro;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.druid.java.util.common.parsers.ParseException;

/** Reads plain Avro binary of one schema. */
final class RecordReader {
  private final Schema schema;
  private final GenericDatumReader<GenericRecord> reader;

  RecordReader(ObjectMapper mapper, Map<String, Object> schemaJson) {
    try {
      schema = new Schema.Parser().parse(mapper.writeValueAsString(schemaJson));
    } catch (JsonProcessingException | AvroRuntimeException problem) {
      throw new IllegalArgumentException("not an Avro schema: " + problem.getMessage(), problem);
    }
    if (schema.getType() != Schema.Type.RECORD) {
      throw new IllegalArgumentException("the schema must be a record, found " + schema.getType());
    }
    reader = new GenericDatumReader<>(schema);
  }

  /** Reads a record from the buffer's position on. */
  GenericRecord read(ByteBuffer message) {
    byte[] bytes = new byte[message.remaining()];
    message.get(bytes);
    try {
      return reader.read(null, DecoderFactory.get().binaryDecoder(bytes, null));
    } catch (IOException | RuntimeException problem) {
      throw new ParseException(null, problem, "not a %s: %s", schema.getFullName(), problem);
    }
  }
}
