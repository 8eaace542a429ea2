package gridflex.druid.guard;

import com.fasterxml.jackson.annotation.JacksonInject;
import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonTypeName;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Map;
import javax.servlet.DispatcherType;
import javax.servlet.Filter;
import org.apache.druid.guice.annotations.Self;
import org.apache.druid.server.DruidNode;
import org.apache.druid.server.security.AuthenticationResult;
import org.apache.druid.server.security.Authenticator;

/** {@code druid.auth.authenticator.NAME.type=gridflex}, with {@code tokenFile}, {@code authorizerName}, {@code anyoneMs}. */
@JsonTypeName(GuardModule.TYPE)
public final class GuardAuthenticator implements Authenticator {
  private final GuardFilter filter;
  private final String name;
  private final String authorizer;

  @JsonCreator
  public GuardAuthenticator(
      @JsonProperty("name") String name,
      @JsonProperty("authorizerName") String authorizer,
      @JsonProperty("tokenFile") String tokenFile,
      @JsonProperty("anyoneMs") long anyoneMs,
      @JacksonInject @Self DruidNode node) {
    this.name = name;
    this.authorizer = authorizer;
    Token token = new Token(Path.of(tokenFile));
    filter = new GuardFilter(token, tokenFile, new WebPages(node.getHost()), name, authorizer, anyoneMs);
  }

  @Override
  public Filter getFilter() {
    return filter;
  }

  @Override
  public Class<? extends Filter> getFilterClass() {
    return GuardFilter.class;
  }

  @Override
  public String getAuthChallengeHeader() {
    return null;
  }

  @Override
  public AuthenticationResult authenticateJDBCContext(Map<String, Object> context) {
    return new AuthenticationResult(GuardFilter.ANYONE, authorizer, name, Map.of());
  }

  @Override
  public Map<String, String> getInitParameters() {
    return Map.of();
  }

  @Override
  public String getPath() {
    return "/*";
  }

  @Override
  public EnumSet<DispatcherType> getDispatcherType() {
    return null;
  }
}
