package gridflex.druid.guard;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;

/** The secret of one stack, in a file that only its user can read. Sent as the password of basic authentication. */
final class Token {
  static final String USER = "gridflex";

  private final byte[] expected;

  /** Reads the file once; a file that is missing or empty keeps the service from starting. */
  Token(Path file) {
    String secret;
    try {
      secret = Files.readString(file).strip();
    } catch (IOException problem) {
      throw new IllegalStateException("no token in " + file + ": " + problem, problem);
    }
    if (secret.isEmpty()) {
      throw new IllegalStateException("no token in " + file + ": it is empty");
    }
    byte[] pair = (USER + ":" + secret).getBytes(StandardCharsets.UTF_8);
    expected = ("Basic " + Base64.getEncoder().encodeToString(pair)).getBytes(StandardCharsets.UTF_8);
  }

  /** The value of the header {@code Authorization}. */
  String header() {
    return new String(expected, StandardCharsets.UTF_8);
  }

  /** Whether a request's header {@code Authorization} is this token, in a time that tells nothing about it. */
  boolean is(String header) {
    return header != null && MessageDigest.isEqual(expected, header.getBytes(StandardCharsets.UTF_8));
  }
}
