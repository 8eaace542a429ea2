package gridflex.druid.guard;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import javax.servlet.Filter;
import javax.servlet.FilterChain;
import javax.servlet.FilterConfig;
import javax.servlet.ServletException;
import javax.servlet.ServletRequest;
import javax.servlet.ServletResponse;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.apache.druid.server.security.AuthConfig;
import org.apache.druid.server.security.AuthenticationResult;

/**
 * Before every servlet of every Druid service: refuses what web pages send; whoever brings the token may do all;
 * everybody else on the machine may look and ask by SQL, for a limited time.
 */
final class GuardFilter implements Filter {
  static final String ANYONE = "anyone";

  private static final Set<String> LOOKING = Set.of("GET", "HEAD");
  private static final Set<String> ASKING =
      Set.of("/druid/v2/sql", "/druid/v2/sql/", "/druid/v2/sql/avatica/", "/druid/v2/sql/avatica-protobuf/");

  private final Token token;
  private final WebPages pages;
  private final String tokenFile;
  private final String name;
  private final String authorizer;
  private final long anyoneMs;

  GuardFilter(Token token, String tokenFile, WebPages pages, String name, String authorizer, long anyoneMs) {
    this.token = token;
    this.tokenFile = tokenFile;
    this.pages = pages;
    this.name = name;
    this.authorizer = authorizer;
    this.anyoneMs = anyoneMs;
  }

  @Override
  public void doFilter(ServletRequest any, ServletResponse answer, FilterChain next)
      throws IOException, ServletException {
    HttpServletRequest request = (HttpServletRequest) any;
    String refusal = pages.refusal(request);
    boolean known = token.is(request.getHeader("Authorization"));
    if (refusal == null && !known && !isOpen(request)) {
      refusal =
          request.getMethod()
              + " "
              + request.getRequestURI()
              + " needs the token of "
              + tokenFile
              + ", as the password of user "
              + Token.USER;
    }
    if (refusal != null) {
      refuse((HttpServletResponse) answer, refusal);
      return;
    }
    String who = known ? Token.USER : ANYONE;
    request.setAttribute(
        AuthConfig.DRUID_AUTHENTICATION_RESULT, new AuthenticationResult(who, authorizer, name, Map.of()));
    if (known || !isAsking(request)) {
      next.doFilter(request, answer);
      return;
    }
    try (Deadline deadline = new Deadline(anyoneMs)) {
      next.doFilter(request, answer);
    }
  }

  /** The raw path: whatever is written in another way, with dots or semicolons, is not open. */
  private static boolean isOpen(HttpServletRequest request) {
    return LOOKING.contains(request.getMethod()) || isAsking(request);
  }

  private static boolean isAsking(HttpServletRequest request) {
    return "POST".equals(request.getMethod()) && ASKING.contains(request.getRequestURI());
  }

  private static void refuse(HttpServletResponse answer, String reason) throws IOException {
    answer.setStatus(HttpServletResponse.SC_FORBIDDEN);
    answer.setContentType("application/json");
    String text = reason.replaceAll("[\\p{Cntrl}\"\\\\<>]", "?");
    String body = "{\"error\":\"forbidden\",\"errorMessage\":\"" + text + "\"}";
    answer.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public void init(FilterConfig config) {
    // Nothing to prepare.
  }

  @Override
  public void destroy() {
    // Nothing to release.
  }
}
