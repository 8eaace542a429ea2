package gridflex.druid.avro;

import com.fasterxml.jackson.annotation.JacksonInject;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.generic.GenericRecord;
import org.apache.druid.guice.annotations.Json;
import org.apache.druid.java.util.common.parsers.ParseException;

/** Each message names its schema: byte 1, then a 4-byte big-endian schema id, then Avro binary. */
public final class InlineSchemasDecoder implements AvroBytesDecoder {
  private static final byte VERSION = 1;
  private static final int FRAME_LENGTH = 5;

  private final Map<String, Map<String, Object>> schemas;
  private final Map<Integer, RecordReader> readers = new HashMap<>();

  @JsonCreator
  public InlineSchemasDecoder(
      @JacksonInject @Json ObjectMapper mapper,
      @JsonProperty("schemas") Map<String, Map<String, Object>> schemas) {
    this.schemas = Objects.requireNonNull(schemas, "avroBytesDecoder: schemas is missing");
    schemas.forEach((id, schema) -> readers.put(Integer.valueOf(id), new RecordReader(mapper, schema)));
  }

  @JsonProperty
  public Map<String, Map<String, Object>> getSchemas() {
    return schemas;
  }

  @Override
  public GenericRecord decode(ByteBuffer message) {
    if (message.remaining() < FRAME_LENGTH) {
      throw new ParseException(
          null, "message of %s bytes; at least %s are needed", message.remaining(), FRAME_LENGTH);
    }
    byte version = message.get();
    if (version != VERSION) {
      throw new ParseException(null, "message starts with byte %s; allowed: %s", version, VERSION);
    }
    int id = message.getInt();
    RecordReader reader = readers.get(id);
    if (reader == null) {
      throw new ParseException(null, "unknown schema id %s; known: %s", id, readers.keySet());
    }
    return reader.read(message);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof InlineSchemasDecoder && schemas.equals(((InlineSchemasDecoder) other).schemas);
  }

  @Override
  public int hashCode() {
    return schemas.hashCode();
  }
}
