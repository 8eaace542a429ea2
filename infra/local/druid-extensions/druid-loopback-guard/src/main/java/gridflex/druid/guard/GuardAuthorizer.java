package gridflex.druid.guard;

import com.fasterxml.jackson.annotation.JsonTypeName;
import java.util.Set;
import org.apache.druid.server.security.Access;
import org.apache.druid.server.security.Action;
import org.apache.druid.server.security.AuthenticationResult;
import org.apache.druid.server.security.Authorizer;
import org.apache.druid.server.security.Resource;
import org.apache.druid.server.security.ResourceType;

/** Whoever brought the token may do all; the filter lets others only look, here not at properties nor at files. */
@JsonTypeName(GuardModule.TYPE)
public final class GuardAuthorizer implements Authorizer {
  private static final Set<String> CLOSED = Set.of(ResourceType.CONFIG, ResourceType.EXTERNAL);

  @Override
  public Access authorize(AuthenticationResult who, Resource resource, Action action) {
    boolean known = Token.USER.equals(who.getIdentity());
    return known || !CLOSED.contains(resource.getType()) ? Access.OK : Access.DENIED;
  }
}
