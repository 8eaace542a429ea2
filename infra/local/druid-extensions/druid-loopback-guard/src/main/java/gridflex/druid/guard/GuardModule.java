package gridflex.druid.guard;

import com.fasterxml.jackson.databind.Module;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.google.inject.Binder;
import com.google.inject.Inject;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import org.apache.druid.initialization.DruidModule;

/**
 * Makes {@code gridflex} known as authenticator, authorizer and escalator, and limits what tasks may read if {@code
 * gridflex.guard.inputFolder} is set. Without properties that name it, nothing changes.
 */
public final class GuardModule implements DruidModule {
  static final String TYPE = "gridflex";
  private static final String INPUT_FOLDER = "gridflex.guard.inputFolder";

  private Properties properties = new Properties();

  @Inject
  void setProperties(Properties found) {
    properties = found;
  }

  @Override
  public List<? extends Module> getJacksonModules() {
    SimpleModule module = new SimpleModule("GridflexGuard");
    module.registerSubtypes(
        new NamedType(GuardAuthenticator.class, TYPE),
        new NamedType(GuardAuthorizer.class, TYPE),
        new NamedType(TokenEscalator.class, TYPE));
    String folder = properties.getProperty(INPUT_FOLDER);
    if (folder != null) {
      module.setDeserializerModifier(new AllowedInputs(Path.of(folder)));
    }
    return List.of(module);
  }

  @Override
  public void configure(Binder binder) {
    // Nothing to bind: Druid creates these from its properties.
  }
}
