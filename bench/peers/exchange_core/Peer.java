package openbourse.peer;

import com.sun.management.OperatingSystemMXBean;
import exchange.core2.core.common.CoreWaitStrategy;
import exchange.core2.core.common.api.ApiCommand;
import exchange.core2.core.common.config.InitialStateConfiguration;
import exchange.core2.core.common.config.PerformanceConfiguration;
import exchange.core2.core.common.config.SerializationConfiguration;
import exchange.core2.core.utils.AffinityThreadFactory.ThreadAffinityMode;
import exchange.core2.core.utils.AffinityThreadFactory;
import exchange.core2.tests.util.ExchangeTestContainer.TestDataFutures;
import exchange.core2.tests.util.ExchangeTestContainer;
import exchange.core2.tests.util.TestDataParameters;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Paths;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ThreadFactory;
import org.slf4j.LoggerFactory;

/**
 * Runs exchange-core's own benchmark a round at a time, so that another engine can run between the rounds.
 *
 * <p>In: a shape, a file for the commands it generates, then one line of standard input a round. Out: one JSON object a
 * line. Never: keeps a thread of exchange-core alive between two rounds; a spinning one would slow the other engine.
 */
public final class Peer {

    /** Counts of one shape, and the commands that exchange-core's generator made of it. */
    static final class Flow {
        final TestDataFutures made;
        final List<ApiCommand> fill;
        final List<ApiCommand> benchmark;

        Flow(TestDataParameters parameters) {
            made = ExchangeTestContainer.prepareTestDataAsync(parameters, 1);
            fill = made.getGenResult().join().getApiCommandsFill().join();
            benchmark = made.getGenResult().join().getApiCommandsBenchmark().join();
        }
    }

    /** How long work took, and how long all threads together were on a processor meanwhile: collecting garbage counts. */
    static final class Took {
        final double seconds;
        final double processorSeconds;

        private Took(double seconds, double processorSeconds) {
            this.seconds = seconds;
            this.processorSeconds = processorSeconds;
        }

        static Took of(Runnable work) {
            final OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
            final long spent = system.getProcessCpuTime();
            final long began = System.nanoTime();
            work.run();
            final long ended = System.nanoTime();
            return new Took((ended - began) / 1e9, (system.getProcessCpuTime() - spent) / 1e9);
        }
    }

    private Peer() {}

    private static TestDataParameters parameters(String shape, int commands) {
        final TestDataParameters.TestDataParametersBuilder builder;
        switch (shape) {
            case "exchange":
                builder = TestDataParameters.singlePairExchangeBuilder();
                break;
            case "margin":
                builder = TestDataParameters.singlePairMarginBuilder();
                break;
            case "medium":
                builder = TestDataParameters.mediumBuilder();
                break;
            default:
                throw new IllegalArgumentException("no shape " + shape);
        }
        return builder.totalTransactionsNumber(commands).build();
    }

    private static PerformanceConfiguration performance(CoreWaitStrategy waiting, boolean pinned) {
        final ThreadFactory threads =
                new AffinityThreadFactory(
                        pinned
                                ? ThreadAffinityMode.THREAD_AFFINITY_ENABLE_PER_LOGICAL_CORE
                                : ThreadAffinityMode.THREAD_AFFINITY_DISABLE);
        // Otherwise as in its own test of one pair.
        return PerformanceConfiguration.throughputPerformanceBuilder()
                .ringBufferSize(32 * 1024)
                .matchingEnginesNum(1)
                .riskEnginesNum(1)
                .threadFactory(threads)
                .waitStrategy(waiting)
                .build();
    }

    /** The whole exchange as its own test times it: from the first command handed in to the last one's result. */
    private static Took pipeline(Flow flow, CoreWaitStrategy waiting, boolean pinned) {
        try (ExchangeTestContainer container =
                ExchangeTestContainer.create(
                        performance(waiting, pinned),
                        InitialStateConfiguration.CLEAN_TEST,
                        SerializationConfiguration.DEFAULT)) {
            return pinned ? container.executeTestingThread(() -> timed(flow, container)) : timed(flow, container);
        }
    }

    private static Took timed(Flow flow, ExchangeTestContainer container) {
        container.loadSymbolsUsersAndPrefillOrdersNoLog(flow.made);
        final Took took = Took.of(() -> container.getApi().submitCommandsSync(flow.benchmark));
        if (!container.totalBalanceReport().isGlobalBalancesAllZero()) {
            throw new IllegalStateException("the balances do not add up");
        }
        flow.made.getCoreSymbolSpecifications()
                .join()
                .forEach(
                        spec -> {
                            final Object seen = container.requestCurrentOrderBook(spec.symbolId);
                            if (!StreamFile.finalBook(flow, spec.symbolId).equals(seen)) {
                                throw new IllegalStateException("the book ends otherwise than generated");
                            }
                        });
        return took;
    }

    private static Took round(Flow flow, String[] words) {
        switch (words[0]) {
            case "pipeline":
                return pipeline(flow, CoreWaitStrategy.valueOf(words[1]), words[2].equals("pinned"));
            case "one-thread":
                return OneThread.exchange(flow);
            case "book":
                return OneThread.books(flow);
            default:
                throw new IllegalArgumentException("no round " + words[0]);
        }
    }

    /** Arguments: shape, number of commands, file to write them to. Rounds: "pipeline WAIT pinned|free", "one-thread", "book". */
    public static void main(String[] words) throws IOException {
        final PrintStream answers = System.out;
        System.setOut(System.err);
        ((ch.qos.logback.classic.Logger) LoggerFactory.getLogger("ROOT")).setLevel(ch.qos.logback.classic.Level.WARN);
        final Flow flow = new Flow(parameters(words[0], Integer.parseInt(words[1])));
        answers.println(StreamFile.write(flow, Paths.get(words[2])));
        final BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.gc();
            final Took took = round(flow, line.split(" "));
            answers.println(
                    String.format(
                            Locale.ROOT,
                            "{\"round\":\"%s\",\"commands\":%d,\"seconds\":%.4f,\"per_second\":%.0f,"
                                    + "\"processor_seconds\":%.4f}",
                            line,
                            flow.benchmark.size(),
                            took.seconds,
                            flow.benchmark.size() / took.seconds,
                            took.processorSeconds));
        }
        System.exit(0);
    }
}
