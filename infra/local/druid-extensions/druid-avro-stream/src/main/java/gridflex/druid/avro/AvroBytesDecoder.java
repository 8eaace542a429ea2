package gridflex.druid.avro;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import java.nio.ByteBuffer;
import org.apache.avro.generic.GenericRecord;

/** Turns one message into one record. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(name = "schema_inline", value = InlineSchemaDecoder.class),
  @JsonSubTypes.Type(name = "multiple_schemas_inline", value = InlineSchemasDecoder.class)
})
public interface AvroBytesDecoder {
  /**
   * Decodes one message.
   *
   * @throws org.apache.druid.java.util.common.parsers.ParseException if it is not such a record
   */
  GenericRecord decode(ByteBuffer message);
}
