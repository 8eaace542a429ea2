package gridflex.druid.guard;

import com.google.inject.Binder;
import com.google.inject.Inject;
import com.google.inject.Scopes;
import java.util.Properties;
import org.apache.druid.discovery.NodeRole;
import org.apache.druid.guice.annotations.LoadScope;
import org.apache.druid.initialization.DruidModule;
import org.apache.druid.sql.calcite.planner.DruidOperatorTable;

/** Takes the SQL functions of {@code gridflex.guard.refusedFunctions} away, names with commas between them. */
@LoadScope(roles = NodeRole.BROKER_JSON_NAME)
public final class SqlFunctionsModule implements DruidModule {
  static final String REFUSED = "gridflex.guard.refusedFunctions";

  private Properties properties = new Properties();

  @Inject
  void setProperties(Properties found) {
    properties = found;
  }

  @Override
  public void configure(Binder binder) {
    if (properties.getProperty(REFUSED) != null) {
      binder.bind(DruidOperatorTable.class).to(LimitedOperators.class).in(Scopes.SINGLETON);
    }
  }
}
