package gridflex.druid.guard;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Ends a question that takes too long. Druid's own timeout does not reach what the broker joins by itself, in the thread
 * of the request; that work looks only at whether its thread is interrupted.
 */
final class Deadline implements AutoCloseable {
  private static final long AGAIN_MS = 1_000;
  private static final ScheduledExecutorService WATCH =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "gridflex-deadline");
            thread.setDaemon(true);
            return thread;
          });

  private final Thread worker = Thread.currentThread();
  private final ScheduledFuture<?> watch;
  private boolean interrupted;
  private boolean over;

  /** For the calling thread, from now on. */
  Deadline(long afterMs) {
    watch = WATCH.scheduleWithFixedDelay(this::interrupt, afterMs, AGAIN_MS, TimeUnit.MILLISECONDS);
  }

  private synchronized void interrupt() {
    if (!over) {
      interrupted = true;
      worker.interrupt();
    }
  }

  /** From here on the thread serves others. */
  @Override
  public synchronized void close() {
    over = true;
    watch.cancel(false);
    if (interrupted) {
      Thread.interrupted();
    }
  }
}
