package gridflex.druid.avro;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;

/** Turns Avro's values into the ones that Druid's dimensions and metrics take. */
final class PlainValues {
  private final boolean binaryAsString;

  PlainValues(boolean binaryAsString) {
    this.binaryAsString = binaryAsString;
  }

  Map<String, Object> of(GenericRecord record) {
    Map<String, Object> plain = new LinkedHashMap<>();
    for (Schema.Field field : record.getSchema().getFields()) {
      plain.put(field.name(), of(record.get(field.pos())));
    }
    return plain;
  }

  private Object of(Object value) {
    if (value instanceof CharSequence || value instanceof GenericData.EnumSymbol) {
      return value.toString();
    }
    if (value instanceof ByteBuffer) {
      ByteBuffer buffer = ((ByteBuffer) value).duplicate();
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(bytes);
      return ofBytes(bytes);
    }
    if (value instanceof GenericFixed) {
      return ofBytes(((GenericFixed) value).bytes());
    }
    if (value instanceof GenericRecord) {
      return of((GenericRecord) value);
    }
    if (value instanceof List) {
      List<Object> plain = new ArrayList<>();
      ((List<?>) value).forEach(item -> plain.add(of(item)));
      return plain;
    }
    if (value instanceof Map) {
      Map<String, Object> plain = new LinkedHashMap<>();
      ((Map<?, ?>) value).forEach((key, item) -> plain.put(key.toString(), of(item)));
      return plain;
    }
    return value;
  }

  private Object ofBytes(byte[] bytes) {
    return binaryAsString ? new String(bytes, StandardCharsets.UTF_8) : bytes;
  }
}
