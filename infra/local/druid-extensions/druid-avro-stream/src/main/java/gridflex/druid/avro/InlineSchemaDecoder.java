package gridflex.druid.avro;

import com.fasterxml.jackson.annotation.JacksonInject;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.generic.GenericRecord;
import org.apache.druid.guice.annotations.Json;

/** Every message is plain Avro binary of one schema. */
public final class InlineSchemaDecoder implements AvroBytesDecoder {
  private final Map<String, Object> schema;
  private final RecordReader reader;

  @JsonCreator
  public InlineSchemaDecoder(
      @JacksonInject @Json ObjectMapper mapper, @JsonProperty("schema") Map<String, Object> schema) {
    this.schema = Objects.requireNonNull(schema, "avroBytesDecoder: schema is missing");
    this.reader = new RecordReader(mapper, schema);
  }

  @JsonProperty
  public Map<String, Object> getSchema() {
    return schema;
  }

  @Override
  public GenericRecord decode(ByteBuffer message) {
    return reader.read(message);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof InlineSchemaDecoder && schema.equals(((InlineSchemaDecoder) other).schema);
  }

  @Override
  public int hashCode() {
    return schema.hashCode();
  }
}
