package openbourse.peer;

import exchange.core2.core.common.BalanceAdjustmentType;
import exchange.core2.core.common.CoreSymbolSpecification;
import exchange.core2.core.common.OrderType;
import exchange.core2.core.common.api.ApiCancelOrder;
import exchange.core2.core.common.api.ApiCommand;
import exchange.core2.core.common.api.ApiMoveOrder;
import exchange.core2.core.common.api.ApiPlaceOrder;
import exchange.core2.core.common.api.ApiReduceOrder;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.cmd.OrderCommandType;
import exchange.core2.core.common.config.ExchangeConfiguration;
import exchange.core2.core.common.config.InitialStateConfiguration;
import exchange.core2.core.common.config.LoggingConfiguration;
import exchange.core2.core.common.config.OrdersProcessingConfiguration;
import exchange.core2.core.common.config.PerformanceConfiguration;
import exchange.core2.core.common.config.ReportsQueriesConfiguration;
import exchange.core2.core.common.config.SerializationConfiguration;
import exchange.core2.core.orderbook.IOrderBook;
import exchange.core2.core.orderbook.OrderBookDirectImpl;
import exchange.core2.core.processors.MatchingEngineRouter;
import exchange.core2.core.processors.RiskEngine;
import exchange.core2.core.processors.SharedPool;
import exchange.core2.core.processors.journaling.DummySerializationProcessor;
import java.util.BitSet;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The parts of exchange-core called one after the other by one thread: no ring, no waiting, no other core.
 *
 * <p>One command at a time goes through risk hold, matching and risk release, in the order that the pipeline gives them.
 */
final class OneThread {

    /** The pipeline asks for the best prices every 10 ms; at its speed that is about once in so many commands. */
    private static final int BEST_PRICES_EVERY = 10_000;

    private final RiskEngine risk;
    private final MatchingEngineRouter matching;

    private OneThread(List<CoreSymbolSpecification> symbols) {
        final ExchangeConfiguration configuration =
                ExchangeConfiguration.defaultBuilder()
                        .initStateCfg(InitialStateConfiguration.CLEAN_TEST)
                        .performanceCfg(PerformanceConfiguration.throughputPerformanceBuilder().build())
                        .reportsQueriesCfg(ReportsQueriesConfiguration.createStandardConfig())
                        .ordersProcessingCfg(OrdersProcessingConfiguration.DEFAULT)
                        .loggingCfg(LoggingConfiguration.DEFAULT)
                        .serializationCfg(SerializationConfiguration.DEFAULT)
                        .build();
        final SharedPool pool = new SharedPool(64, 16, 1);
        risk = new RiskEngine(0, 1, DummySerializationProcessor.INSTANCE, pool, configuration);
        matching =
                new MatchingEngineRouter(
                        0, 1, DummySerializationProcessor.INSTANCE, OrderBookDirectImpl::new, pool, configuration);
        for (final CoreSymbolSpecification symbol : symbols) {
            risk.getSymbolSpecificationProvider().addSymbol(symbol);
            matching.getOrderBooks()
                    .put(
                            symbol.symbolId,
                            new OrderBookDirectImpl(
                                    symbol,
                                    matching.getObjectsPool(),
                                    matching.getEventsHelper(),
                                    LoggingConfiguration.DEFAULT));
        }
    }

    private void fund(List<BitSet> users) {
        final OrderCommand work = new OrderCommand();
        long transaction = 0;
        for (int user = 1; user < users.size(); user++) {
            work.command = OrderCommandType.ADD_USER;
            work.uid = user;
            risk.preProcessCommand(0, work);
            work.command = OrderCommandType.BALANCE_ADJUSTMENT;
            work.orderType = OrderType.of(BalanceAdjustmentType.ADJUSTMENT.getCode());
            work.price = Long.MAX_VALUE / users.size();
            for (final int currency : users.get(user).stream().toArray()) {
                work.symbol = currency;
                work.orderId = ++transaction;
                risk.preProcessCommand(0, work);
                require(work.resultCode);
            }
        }
    }

    private static void require(CommandResultCode result) {
        if (result != CommandResultCode.SUCCESS) {
            throw new IllegalStateException("refused: " + result);
        }
    }

    private void run(List<OrderCommand> commands) {
        final OrderCommand work = new OrderCommand();
        int done = 0;
        for (final OrderCommand command : commands) {
            begin(work, command);
            work.serviceFlags = ++done % BEST_PRICES_EVERY == 0 ? 1 : 0;
            risk.preProcessCommand(done, work);
            matching.processOrder(done, work);
            risk.handlerRiskRelease(done, work);
            require(work.resultCode);
        }
    }

    private void runBooks(List<OrderCommand> commands) {
        final OrderCommand work = new OrderCommand();
        for (final OrderCommand command : commands) {
            begin(work, command);
            work.resultCode = CommandResultCode.VALID_FOR_MATCHING_ENGINE;
            require(IOrderBook.processCommand(matching.getOrderBooks().get(work.symbol), work));
        }
    }

    private static void begin(OrderCommand work, OrderCommand command) {
        command.writeTo(work);
        work.matcherEvent = null;
        work.marketData = null;
    }

    private void check(Peer.Flow flow) {
        matching.getOrderBooks()
                .forEachKeyValue(
                        (symbol, book) -> {
                            if (!book.getL2MarketDataSnapshot().equals(StreamFile.finalBook(flow, symbol))) {
                                throw new IllegalStateException("the book ends otherwise than generated");
                            }
                        });
    }

    /** Risk engine, order book, risk engine. */
    static Peer.Took exchange(Peer.Flow flow) {
        final OneThread parts = new OneThread(flow.made.getCoreSymbolSpecifications().join());
        parts.fund(flow.made.getUsersAccounts().join());
        parts.run(orderCommands(flow.fill));
        final List<OrderCommand> commands = orderCommands(flow.benchmark);
        final Peer.Took took = Peer.Took.of(() -> parts.run(commands));
        parts.check(flow);
        return took;
    }

    /** The order books alone, without accounts. */
    static Peer.Took books(Peer.Flow flow) {
        final OneThread parts = new OneThread(flow.made.getCoreSymbolSpecifications().join());
        parts.runBooks(orderCommands(flow.fill));
        final List<OrderCommand> commands = orderCommands(flow.benchmark);
        final Peer.Took took = Peer.Took.of(() -> parts.runBooks(commands));
        parts.check(flow);
        return took;
    }

    static List<OrderCommand> orderCommands(List<ApiCommand> commands) {
        return commands.stream().map(OneThread::orderCommand).collect(Collectors.toList());
    }

    private static OrderCommand orderCommand(ApiCommand command) {
        final OrderCommand made;
        if (command instanceof ApiPlaceOrder) {
            final ApiPlaceOrder place = (ApiPlaceOrder) command;
            made =
                    OrderCommand.newOrder(
                            place.orderType,
                            place.orderId,
                            place.uid,
                            place.price,
                            place.reservePrice,
                            place.size,
                            place.action);
            made.symbol = place.symbol;
        } else if (command instanceof ApiMoveOrder) {
            final ApiMoveOrder move = (ApiMoveOrder) command;
            made = OrderCommand.update(move.orderId, move.uid, move.newPrice);
            made.symbol = move.symbol;
        } else if (command instanceof ApiCancelOrder) {
            final ApiCancelOrder cancel = (ApiCancelOrder) command;
            made = OrderCommand.cancel(cancel.orderId, cancel.uid);
            made.symbol = cancel.symbol;
        } else {
            final ApiReduceOrder reduce = (ApiReduceOrder) command;
            made = OrderCommand.reduce(reduce.orderId, reduce.uid, reduce.reduceSize);
            made.symbol = reduce.symbol;
        }
        made.resultCode = CommandResultCode.NEW;
        return made;
    }
}
