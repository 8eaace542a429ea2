package gridflex.druid.guard;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonTypeName;
import com.google.common.util.concurrent.ListenableFuture;
import java.nio.file.Path;
import java.util.Map;
import org.apache.druid.java.util.http.client.AbstractHttpClient;
import org.apache.druid.java.util.http.client.HttpClient;
import org.apache.druid.java.util.http.client.Request;
import org.apache.druid.java.util.http.client.response.HttpResponseHandler;
import org.apache.druid.server.security.AuthenticationResult;
import org.apache.druid.server.security.Escalator;
import org.joda.time.Duration;

/** {@code druid.escalator.type=gridflex}: what Druid's services ask each other carries the token. */
@JsonTypeName(GuardModule.TYPE)
public final class TokenEscalator implements Escalator {
  private final Token token;
  private final String authorizer;

  @JsonCreator
  public TokenEscalator(
      @JsonProperty("tokenFile") String tokenFile, @JsonProperty("authorizerName") String authorizer) {
    this.token = new Token(Path.of(tokenFile));
    this.authorizer = authorizer;
  }

  @Override
  public HttpClient createEscalatedClient(HttpClient plain) {
    return new AbstractHttpClient() {
      @Override
      public <I, F> ListenableFuture<F> go(Request request, HttpResponseHandler<I, F> handler, Duration timeout) {
        return plain.go(request.setHeader("Authorization", token.header()), handler, timeout);
      }
    };
  }

  @Override
  public AuthenticationResult createEscalatedAuthenticationResult() {
    return new AuthenticationResult(Token.USER, authorizer, GuardModule.TYPE, Map.of());
  }
}
