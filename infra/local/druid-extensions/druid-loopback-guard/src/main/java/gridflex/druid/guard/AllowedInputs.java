package gridflex.druid.guard;

import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.deser.BeanDeserializerModifier;
import com.fasterxml.jackson.databind.deser.std.DelegatingDeserializer;
import com.fasterxml.jackson.core.JsonParser;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;
import org.apache.druid.data.input.InputSource;
import org.apache.druid.data.input.impl.CombiningInputSource;
import org.apache.druid.data.input.impl.InlineInputSource;
import org.apache.druid.data.input.impl.LocalInputSource;
import org.apache.druid.indexing.common.task.HadoopIndexTask;
import org.apache.druid.indexing.input.DruidInputSource;

/**
 * What tasks may read: rows inside the task itself, other tables, and files of one folder. Every other input source of
 * Druid or of an extension is refused, wherever a spec names it.
 */
final class AllowedInputs extends BeanDeserializerModifier {
  private static final Set<Class<?>> HARMLESS =
      Set.of(InlineInputSource.class, DruidInputSource.class, CombiningInputSource.class);

  private final Path folder;

  AllowedInputs(Path folder) {
    this.folder = folder;
  }

  @Override
  public JsonDeserializer<?> modifyDeserializer(
      DeserializationConfig config, BeanDescription found, JsonDeserializer<?> usual) {
    Class<?> kind = found.getBeanClass();
    boolean source = InputSource.class.isAssignableFrom(kind) && !found.getType().isAbstract();
    boolean checked = kind == HadoopIndexTask.class || source && !HARMLESS.contains(kind);
    return checked ? new FilesOfFolder(usual, folder) : usual;
  }

  /** Lets a local input source pass whose every file lies in the folder, links followed, and nothing else. */
  private static final class FilesOfFolder extends DelegatingDeserializer {
    private static final long serialVersionUID = 1L;

    private final transient Path folder;

    FilesOfFolder(JsonDeserializer<?> usual, Path folder) {
      super(usual);
      this.folder = folder;
    }

    @Override
    protected JsonDeserializer<?> newDelegatingInstance(JsonDeserializer<?> usual) {
      return new FilesOfFolder(usual, folder);
    }

    @Override
    public Object deserialize(JsonParser parser, DeserializationContext context) throws IOException {
      if (handledType() != LocalInputSource.class) {
        return context.reportInputMismatch(
            this,
            "%s is not allowed here; allowed input sources: inline, druid, combining, local files of %s",
            handledType().getSimpleName(),
            folder);
      }
      LocalInputSource source = (LocalInputSource) super.deserialize(parser, context);
      if (source.getBaseDir() != null) {
        context.reportInputMismatch(this, "a local input source may name files, not baseDir %s", source.getBaseDir());
      }
      for (File file : source.getFiles()) {
        if (!file.getCanonicalFile().toPath().startsWith(folder.toFile().getCanonicalFile().toPath())) {
          context.reportInputMismatch(this, "a local input source may read files of %s, not %s", folder, file);
        }
      }
      return source;
    }
  }
}
