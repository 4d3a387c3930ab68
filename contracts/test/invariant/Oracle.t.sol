// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {Base} from "../Base.sol";
import {Consumer} from "../mocks/Consumers.sol";

/// @notice Asks, answers, refunds, withdraws and lets time pass, in any order; keeps its own account of what was paid.
contract Handler is Base {
    bytes32[] public ids;
    mapping(bytes32 => uint256) public settlements;
    mapping(bytes32 => bool) public wasFulfilled;
    mapping(bytes32 => bool) public wasRefunded;
    uint256 public paidIn;
    uint256 public paidOut;
    Consumer public consumer;
    address[3] public payees;

    constructor() {
        setUp();
        consumer = new Consumer(oracle);
        vm.deal(address(consumer), 1_000 ether);
        payees = [operator, user, address(consumer)];
    }

    function getOracle() external view returns (IDodonaOracle) {
        return oracle;
    }

    function count() external view returns (uint256) {
        return ids.length;
    }

    function ask(uint8 mode, uint96 tip, uint32 lifetime, uint8 way, bool withCallback) external {
        IDodonaOracle.RequestParams memory params = _params(model, mode % 2);
        params.deadline = uint64(block.timestamp + bound(lifetime, 1, 2 hours));
        if (withCallback) {
            params.callbackGasLimit = 300_000;
            consumer.setWay(Consumer.Way(way % 7));
        }
        uint256 fee = oracle.quote(params) + bound(tip, 0, 0.1 ether);
        params.fee = uint96(fee);
        bytes32 id;
        if (withCallback) {
            id = consumer.ask(params, fee);
        } else {
            vm.prank(user);
            id = oracle.request{value: fee}(params);
        }
        ids.push(id);
        paidIn += fee;
    }

    function answer(uint256 which, uint8 payee) external {
        if (ids.length == 0) return;
        bytes32 id = ids[which % ids.length];
        Delivery memory d = _delivery(id, model, oracle.requestOf(id).mode);
        d.slots[0].observations[0] = _sign(_headerFor(id), key1);
        d.payee = payees[payee % 3];
        _prove(d);
        vm.prank(operator);
        try oracle.fulfil(d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof) {
            ++settlements[id];
            wasFulfilled[id] = true;
        } catch {}
    }

    function giveBack(uint256 which) external {
        if (ids.length == 0) return;
        bytes32 id = ids[which % ids.length];
        try oracle.refund(id) {
            ++settlements[id];
            wasRefunded[id] = true;
        } catch {}
    }

    function retry(uint256 which, uint8 way) external {
        if (ids.length == 0) return;
        consumer.setWay(Consumer.Way(way % 7));
        try oracle.retryCallback(ids[which % ids.length]) {} catch {}
    }

    function withdraw(uint8 payee) external {
        address account = payees[payee % 3];
        vm.prank(account);
        try oracle.withdraw(address(0), (account)) returns (uint256 amount) {
            paidOut += amount;
        } catch {}
    }

    /// The owner does what it can: prices.
    function reprice(uint64 a, uint64 b) external {
        vm.prank(owner);
        oracle.setPrices(
            address(0),
            IDodonaOracle.Prices(uint96(bound(a, 0, 0.01 ether)), uint96(bound(b, 0, 0.01 ether)), 1 gwei, true)
        );
    }

    function pass(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 1 hours));
    }

    function _headerFor(bytes32 id) internal view returns (IFeedRegistry.ObservationHeader memory) {
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.seq = oracle.requestOf(id).createdAt / PERIOD;
        header.observedAt = header.seq * PERIOD;
        header.validUntil = header.observedAt + 1 days;
        return header;
    }
}

contract OracleInvariants is Base {
    Handler internal handler;
    IDodonaOracle internal subject;

    function setUp() public override {
        handler = new Handler();
        subject = handler.getOracle();
        bytes4[] memory verbs = new bytes4[](7);
        verbs[0] = Handler.ask.selector;
        verbs[1] = Handler.answer.selector;
        verbs[2] = Handler.giveBack.selector;
        verbs[3] = Handler.retry.selector;
        verbs[4] = Handler.withdraw.selector;
        verbs[5] = Handler.reprice.selector;
        verbs[6] = Handler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: verbs}));
    }

    /// Escrow and credits are exactly what the oracle holds, and what came in is held or was paid out.
    function invariant_solvency() public view {
        assertEq(subject.totalEscrow(address(0)) + subject.totalCredits(address(0)), address(subject).balance);
        assertEq(handler.paidIn(), address(subject).balance + handler.paidOut());
        uint256 credits = 0;
        for (uint256 i = 0; i < 3; ++i) {
            credits += subject.creditOf(address(0), handler.payees(i));
        }
        assertEq(credits, subject.totalCredits(address(0)));
    }

    /// A request is answered or refunded at most once, never both, and its escrow lasts exactly as long as it is open.
    function invariant_singleSettlement() public view {
        uint256 open = 0;
        for (uint256 i = 0; i < handler.count(); ++i) {
            bytes32 id = handler.ids(i);
            assertLe(handler.settlements(id), 1);
            IDodonaOracle.Request memory stored = subject.requestOf(id);
            if (stored.status == IDodonaOracle.Status.Open) open += stored.fee;
            assertEq(stored.status == IDodonaOracle.Status.Fulfilled, handler.wasFulfilled(id));
            assertEq(stored.status == IDodonaOracle.Status.Refunded, handler.wasRefunded(id));
        }
        assertEq(open, subject.totalEscrow(address(0)));
    }

    /// The sequences above do reach their ends (otherwise the invariants would hold for nothing).
    function test_theHandlerSettles() public {
        handler.ask(0, 0, 7_000, 0, true);
        handler.ask(1, 5, 7_000, 0, false);
        handler.ask(0, 0, 1, 1, true);
        handler.answer(0, 0);
        handler.answer(1, 1);
        handler.pass(3_600);
        handler.giveBack(2);
        handler.withdraw(0);
        assertTrue(handler.wasFulfilled(handler.ids(0)) && handler.wasFulfilled(handler.ids(1)));
        assertTrue(handler.wasRefunded(handler.ids(2)));
        assertGt(handler.paidOut(), 0);
        invariant_solvency();
        invariant_singleSettlement();
    }
}
