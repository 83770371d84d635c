package openbourse.peer;

import exchange.core2.collections.objpool.ObjectsPool;
import exchange.core2.core.common.CoreSymbolSpecification;
import exchange.core2.core.common.IOrder;
import exchange.core2.core.common.L2MarketData;
import exchange.core2.core.common.MatcherEventType;
import exchange.core2.core.common.MatcherTradeEvent;
import exchange.core2.core.common.OrderAction;
import exchange.core2.core.common.OrderType;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.config.LoggingConfiguration;
import exchange.core2.core.orderbook.IOrderBook;
import exchange.core2.core.orderbook.OrderBookDirectImpl;
import exchange.core2.core.orderbook.OrderBookEventsHelper;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Writes a generated flow so that another engine can replay it; bench/core/src/peer.rs reads it.
 *
 * <p>Little endian. "OBPEER1\0" · u32 n symbols: u32 symbol, u32 base, u32 quote · u32 n funds: u32 user, u32 currency ·
 * u32 n fill · u32 n benchmark · all commands: u8 operation (1 GTC, 2 IOC, 3 FOK, 4 move, 5 cancel, 6 reduce), u8 side
 * (1 buy, 2 sell), u32 symbol, u32 user, u32 order, i64 price, i64 size, i64 remaining (of the order named, before) ·
 * u64 trades of the benchmark · u32 n levels at the end: u32 symbol, u8 side, i64 price, i64 size.
 */
final class StreamFile {

    private static final int FOK = 3;
    private static final int MOVE = 4;
    private static final int CANCEL = 5;
    private static final int REDUCE = 6;
    private static final String[] NAMES = {"", "gtc", "ioc", "fok_budget", "move", "cancel", "reduce"};

    private final ByteBuffer row = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    private final OutputStream out;
    private final Map<Integer, IOrderBook> books = new HashMap<>();
    private final Set<Long> users = new HashSet<>();
    private final int[] mix = new int[NAMES.length];
    private long trades;
    private long tradedSize;

    private StreamFile(OutputStream out) {
        this.out = out;
    }

    static L2MarketData finalBook(Peer.Flow flow, int symbol) {
        return flow.made.getGenResult().join().getGenResults().get(symbol).getFinalOrderBookSnapshot();
    }

    private void end() throws IOException {
        out.write(row.array(), 0, row.position());
        row.clear();
    }

    private void header(List<CoreSymbolSpecification> symbols, List<BitSet> accounts) throws IOException {
        final ObjectsPool pool = ObjectsPool.createDefaultTestPool();
        out.write("OBPEER1\0".getBytes(StandardCharsets.US_ASCII));
        row.putInt(symbols.size());
        end();
        for (final CoreSymbolSpecification symbol : symbols) {
            books.put(
                    symbol.symbolId,
                    new OrderBookDirectImpl(
                            symbol,
                            pool,
                            OrderBookEventsHelper.NON_POOLED_EVENTS_HELPER,
                            LoggingConfiguration.DEFAULT));
            row.putInt(symbol.symbolId).putInt(symbol.baseCurrency).putInt(symbol.quoteCurrency);
            end();
        }
        row.putInt(accounts.stream().mapToInt(BitSet::cardinality).sum());
        end();
        for (int user = 1; user < accounts.size(); user++) {
            for (final int currency : accounts.get(user).stream().toArray()) {
                row.putInt(user).putInt(currency);
                end();
            }
        }
    }

    private static int operation(OrderCommand command) {
        switch (command.command) {
            case PLACE_ORDER:
                return command.orderType == OrderType.GTC ? 1 : command.orderType == OrderType.IOC ? 2 : 3;
            case MOVE_ORDER:
                return MOVE;
            case CANCEL_ORDER:
                return CANCEL;
            default:
                return REDUCE;
        }
    }

    private void command(OrderCommand command) throws IOException {
        final IOrderBook book = books.get(command.symbol);
        final int operation = operation(command);
        final IOrder named = operation < MOVE ? command : book.getOrderById(command.orderId);
        // A budget is its size times the price that the generator had in mind.
        final long price =
                operation == FOK
                        ? command.price / command.size
                        : command.price;
        row.put((byte) operation).put((byte) (named.getAction() == OrderAction.BID ? 1 : 2));
        row.putInt(command.symbol).putInt((int) command.uid).putInt((int) command.orderId);
        row.putLong(price).putLong(command.size).putLong(named.getSize() - named.getFilled());
        end();
        mix[operation]++;
        users.add(command.uid);
        command.resultCode = CommandResultCode.VALID_FOR_MATCHING_ENGINE;
        if (IOrderBook.processCommand(book, command) != CommandResultCode.SUCCESS) {
            throw new IllegalStateException("refused: " + command);
        }
        for (MatcherTradeEvent event = command.matcherEvent; event != null; event = event.nextEvent) {
            if (event.eventType == MatcherEventType.TRADE) {
                trades++;
                tradedSize += event.size;
            }
        }
    }

    private void levels(Peer.Flow flow) throws IOException {
        int count = 0;
        for (final int symbol : books.keySet()) {
            final L2MarketData book = finalBook(flow, symbol);
            count += book.askSize + book.bidSize;
        }
        row.putLong(trades).putInt(count);
        end();
        for (final int symbol : books.keySet()) {
            final L2MarketData book = finalBook(flow, symbol);
            for (int at = 0; at < book.bidSize; at++) {
                row.putInt(symbol).put((byte) 1).putLong(book.bidPrices[at]).putLong(book.bidVolumes[at]);
                end();
            }
            for (int at = 0; at < book.askSize; at++) {
                row.putInt(symbol).put((byte) 2).putLong(book.askPrices[at]).putLong(book.askVolumes[at]);
                end();
            }
        }
    }

    private String summary(Peer.Flow flow, int accounts) {
        final StringBuilder text = new StringBuilder("{\"shape\":{");
        for (int operation = 1; operation < NAMES.length; operation++) {
            text.append(String.format(Locale.ROOT, "\"%s\":%d,", NAMES[operation], mix[operation]));
        }
        int open = 0;
        int levels = 0;
        for (final int symbol : books.keySet()) {
            final IOrderBook book = books.get(symbol);
            open += book.getOrdersNum(OrderAction.ASK) + book.getOrdersNum(OrderAction.BID);
            levels += finalBook(flow, symbol).askSize + finalBook(flow, symbol).bidSize;
        }
        text.append(
                String.format(
                        Locale.ROOT,
                        "\"symbols\":%d,\"prefilled\":%d,\"users\":%d,\"users_trading\":%d,\"open_at_end\":%d,"
                                + "\"levels_at_end\":%d,\"trades\":%d,\"traded_size\":%d,\"java\":\"%s %s\"}}",
                        books.size(),
                        flow.fill.size(),
                        accounts,
                        users.size(),
                        open,
                        levels,
                        trades,
                        tradedSize,
                        System.getProperty("java.vm.name"),
                        System.getProperty("java.runtime.version")));
        return text.toString();
    }

    /** Write the flow; answers its shape as JSON. */
    static String write(Peer.Flow flow, Path path) throws IOException {
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(path), 1 << 20)) {
            final StreamFile file = new StreamFile(out);
            final List<BitSet> accounts = flow.made.getUsersAccounts().join();
            file.header(flow.made.getCoreSymbolSpecifications().join(), accounts);
            file.row.putInt(flow.fill.size()).putInt(flow.benchmark.size());
            file.end();
            for (final OrderCommand command : OneThread.orderCommands(flow.fill)) {
                file.command(command);
            }
            Arrays.fill(file.mix, 0);
            file.trades = 0;
            file.tradedSize = 0;
            for (final OrderCommand command : OneThread.orderCommands(flow.benchmark)) {
                file.command(command);
            }
            file.levels(flow);
            return file.summary(flow, accounts.size() - 1);
        }
    }
}
