package gridflex.druid.guard;

import com.google.inject.Inject;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.calcite.sql.SqlFunctionCategory;
import org.apache.calcite.sql.SqlIdentifier;
import org.apache.calcite.sql.SqlOperator;
import org.apache.calcite.sql.SqlSyntax;
import org.apache.calcite.sql.validate.SqlNameMatcher;
import org.apache.druid.error.InvalidSqlInput;
import org.apache.druid.sql.calcite.aggregation.SqlAggregator;
import org.apache.druid.sql.calcite.expression.SqlOperatorConversion;
import org.apache.druid.sql.calcite.planner.DruidOperatorTable;

/**
 * Druid's SQL without some functions. A regular expression that backtracks ends at no timeout: Java's matcher does not
 * look whether it was interrupted, and constants are folded while the query is planned. Others fill the memory.
 */
final class LimitedOperators extends DruidOperatorTable {
  private final Set<String> refused;

  @Inject
  LimitedOperators(
      Set<SqlAggregator> aggregators, Set<SqlOperatorConversion> conversions, Properties properties) {
    super(aggregators, conversions);
    refused =
        Arrays.stream(properties.getProperty(SqlFunctionsModule.REFUSED).split(","))
            .map(name -> name.strip().toUpperCase(Locale.ROOT))
            .collect(Collectors.toUnmodifiableSet());
  }

  @Override
  public void lookupOperatorOverloads(
      SqlIdentifier name,
      SqlFunctionCategory category,
      SqlSyntax syntax,
      List<SqlOperator> found,
      SqlNameMatcher matcher) {
    if (name != null && name.names.size() == 1 && refused.contains(name.getSimple().toUpperCase(Locale.ROOT))) {
      throw InvalidSqlInput.exception(
          "%s is switched off here: one query with it can take Druid away from everybody", name.getSimple());
    }
    super.lookupOperatorOverloads(name, category, syntax, found, matcher);
  }
}
