package gridflex.druid.guard;

import java.util.Locale;
import java.util.Set;
import javax.servlet.http.HttpServletRequest;

/** Tells requests that a web page made a browser send from those of a program on this machine. */
final class WebPages {
  /** What a browser sends to another site without asking that site first; Druid takes JSON. */
  private static final Set<String> SIMPLE_TYPES =
      Set.of("text/plain", "multipart/form-data", "application/x-www-form-urlencoded");

  private static final Set<String> OWN_SITE = Set.of("same-origin", "none");

  private final Set<String> hosts;

  /** {@code host}: what this service calls itself, beside the loopback's own names. */
  WebPages(String host) {
    hosts = Set.of("127.0.0.1", "localhost", "[::1]", "host:" + host.toLowerCase(Locale.ROOT));
  }

  /** Why the request is refused; null if it is none of a web page's. */
  String refusal(HttpServletRequest request) {
    String host = request.getHeader("Host");
    if (host == null || !isOurs(host)) {
      return "Host " + host + " is not this machine's loopback: a web page may have led here";
    }
    String origin = request.getHeader("Origin");
    if (origin != null && !origin.equalsIgnoreCase(request.getScheme() + "://" + host)) {
      return "Origin " + origin + " is another site's";
    }
    String site = request.getHeader("Sec-Fetch-Site");
    if (site != null && !OWN_SITE.contains(site)) {
      return "Sec-Fetch-Site " + site + ": sent for another site";
    }
    String type = request.getContentType();
    if (type != null && SIMPLE_TYPES.contains(mediaType(type))) {
      return "Content-Type " + type + " is what web pages send; allowed: application/json";
    }
    return null;
  }

  private boolean isOurs(String host) {
    String name = host.toLowerCase(Locale.ROOT).replaceFirst(":[0-9]*$", "");
    return hosts.contains(name) || hosts.contains("host:" + name);
  }

  private static String mediaType(String type) {
    return type.split("[;,]", 2)[0].strip().toLowerCase(Locale.ROOT);
  }
}
