package gridflex.druid.avro;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.File;
import java.util.Objects;
import javax.annotation.Nullable;
import org.apache.druid.data.input.InputEntity;
import org.apache.druid.data.input.InputEntityReader;
import org.apache.druid.data.input.InputFormat;
import org.apache.druid.data.input.InputRowSchema;
import org.apache.druid.java.util.common.parsers.JSONPathSpec;

/**
 * The {@code avro_stream} input format: one Avro record in each message.
 *
 * <p>It takes the official extension's JSON, except for a {@code flattenSpec} with fields and {@code
 * extractUnionsByType}: our schemas are flat, so it refuses both instead of ignoring them.
 */
public final class AvroStreamInputFormat implements InputFormat {
  private final JSONPathSpec flattenSpec;
  private final AvroBytesDecoder decoder;
  private final boolean binaryAsString;

  @JsonCreator
  public AvroStreamInputFormat(
      @JsonProperty("flattenSpec") @Nullable JSONPathSpec flattenSpec,
      @JsonProperty("avroBytesDecoder") AvroBytesDecoder decoder,
      @JsonProperty("binaryAsString") @Nullable Boolean binaryAsString,
      @JsonProperty("extractUnionsByType") @Nullable Boolean extractUnionsByType) {
    if (flattenSpec != null && !flattenSpec.getFields().isEmpty()) {
      throw new IllegalArgumentException("avro_stream stand-in: flattenSpec.fields is not supported");
    }
    if (Boolean.TRUE.equals(extractUnionsByType)) {
      throw new IllegalArgumentException("avro_stream stand-in: extractUnionsByType is not supported");
    }
    this.flattenSpec = flattenSpec == null ? JSONPathSpec.DEFAULT : flattenSpec;
    this.decoder = Objects.requireNonNull(decoder, "avro_stream: avroBytesDecoder is missing");
    this.binaryAsString = Boolean.TRUE.equals(binaryAsString);
  }

  @JsonProperty
  public JSONPathSpec getFlattenSpec() {
    return flattenSpec;
  }

  @JsonProperty
  public AvroBytesDecoder getAvroBytesDecoder() {
    return decoder;
  }

  @JsonProperty
  public boolean getBinaryAsString() {
    return binaryAsString;
  }

  @Override
  public boolean isSplittable() {
    return false;
  }

  @Override
  public InputEntityReader createReader(InputRowSchema schema, InputEntity source, File temporaryDirectory) {
    return new AvroStreamReader(schema, source, decoder, new PlainValues(binaryAsString));
  }

  @Override
  public boolean equals(Object other) {
    if (!(other instanceof AvroStreamInputFormat)) {
      return false;
    }
    AvroStreamInputFormat that = (AvroStreamInputFormat) other;
    return binaryAsString == that.binaryAsString
        && decoder.equals(that.decoder)
        && flattenSpec.equals(that.flattenSpec);
  }

  @Override
  public int hashCode() {
    return Objects.hash(flattenSpec, decoder, binaryAsString);
  }
}
