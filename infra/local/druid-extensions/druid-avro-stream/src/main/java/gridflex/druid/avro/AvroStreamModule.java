package gridflex.druid.avro;

import com.fasterxml.jackson.databind.Module;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.google.inject.Binder;
import java.util.List;
import org.apache.druid.initialization.DruidModule;

/** Makes {@code avro_stream} known to Druid. */
public final class AvroStreamModule implements DruidModule {
  @Override
  public List<? extends Module> getJacksonModules() {
    SimpleModule module = new SimpleModule("GridflexAvroStream");
    module.registerSubtypes(new NamedType(AvroStreamInputFormat.class, "avro_stream"));
    return List.of(module);
  }

  @Override
  public void configure(Binder binder) {
    // Nothing to bind: the input format is created from a spec's JSON.
  }
}
