// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {DodonaSubscriptions} from "../../src/DodonaSubscriptions.sol";
import {IDodonaSubscriptions} from "../../src/interfaces/IDodonaSubscriptions.sol";
import {SubscriptionsBase} from "../SubscriptionsBase.sol";

/// @notice Subscribes, funds, delivers, closes, withdraws and lets time pass, in any order.
contract SubscriptionsHandler is SubscriptionsBase {
    bytes32[] public ids;
    mapping(bytes32 => uint64) public delivered;
    mapping(bytes32 => uint64) public lastObservedAt;
    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public updates;
    bool public wentBack;

    constructor() {
        setUp();
    }

    function getSubs() external view returns (DodonaSubscriptions) {
        return subs;
    }

    function count() external view returns (uint256) {
        return ids.length;
    }

    function subscribe(uint32 heartbeat, uint16 deviation, uint96 fee) external {
        if (ids.length > 8) return;
        IDodonaSubscriptions.Params memory params = _subscription();
        params.heartbeat = uint32(bound(heartbeat, 1, 2 hours));
        params.deviationBp = uint16(bound(deviation, 0, 10_000));
        params.fee = uint96(bound(fee, 0, 0.4 ether));
        ids.push(_subscribe(params));
        paidIn += 1 ether;
    }

    function fund(uint256 which, uint96 amount) external {
        if (ids.length == 0) return;
        amount = uint96(bound(amount, 1, 1 ether));
        vm.prank(user);
        try subs.fund{value: amount}(ids[which % ids.length]) {
            paidIn += amount;
        } catch {}
    }

    function deliver(uint256 which, int64 value, bool usable) external {
        if (ids.length == 0) return;
        bytes32 id = ids[which % ids.length];
        (uint64 round,, uint64 observedAt,,) = subs.latestRound(id);
        UpdateCall memory u = _updateOf(id, round + 1, value, usable, true);
        vm.prank(operator);
        try subs.deliver(u.targets, u.mode, u.payee, u.expiry, u.slots, u.proof) {
            ++delivered[id];
            ++updates;
            if (u.slots[0].observations[0].header.observedAt <= observedAt) wentBack = true;
        } catch {}
    }

    function takeOut(uint256 which, uint96 amount) external {
        if (ids.length == 0) return;
        amount = uint96(bound(amount, 1, 1 ether));
        vm.prank(user);
        try subs.withdraw(ids[which % ids.length], amount, makeAddr("wallet")) {
            paidOut += amount;
        } catch {}
    }

    function close(uint256 which) external {
        if (ids.length == 0 || which % 5 != 0) return;
        vm.prank(user);
        try subs.close(ids[which % ids.length]) {} catch {}
    }

    function collect(bool byOperator) external {
        vm.prank(byOperator ? operator : user);
        try subs.withdrawCredits(makeAddr("wallet")) returns (uint256 amount) {
            paidOut += amount;
        } catch {}
    }

    function pass(uint32 time) external {
        vm.warp(block.timestamp + bound(time, 1, 40 minutes));
    }
}

contract SubscriptionFundsInvariant is Test {
    SubscriptionsHandler internal handler;
    DodonaSubscriptions internal subs;

    function setUp() public {
        handler = new SubscriptionsHandler();
        subs = handler.getSubs();
        bytes4[] memory verbs = new bytes4[](7);
        verbs[0] = SubscriptionsHandler.subscribe.selector;
        verbs[1] = SubscriptionsHandler.fund.selector;
        verbs[2] = SubscriptionsHandler.deliver.selector;
        verbs[3] = SubscriptionsHandler.takeOut.selector;
        verbs[4] = SubscriptionsHandler.close.selector;
        verbs[5] = SubscriptionsHandler.collect.selector;
        verbs[6] = SubscriptionsHandler.pass.selector;
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: verbs}));
    }

    /// Balances and credits are exactly what is held; rounds count deliveries, and observations never go back.
    function invariant_fundsAndRounds() public view {
        assertEq(subs.totalFunds() + subs.totalCredits(), address(subs).balance);
        assertEq(handler.paidIn(), address(subs).balance + handler.paidOut());
        uint256 funds = 0;
        for (uint256 i = 0; i < handler.count(); ++i) {
            bytes32 id = handler.ids(i);
            funds += subs.subscriptionOf(id).balance;
            (uint64 round,,,,) = subs.latestRound(id);
            assertEq(round, handler.delivered(id));
        }
        assertEq(funds, subs.totalFunds());
        assertFalse(handler.wentBack());
    }

    function test_reached() public {
        handler.subscribe(60, 100, 0.1 ether);
        handler.deliver(0, 5, true);
        handler.pass(1_000);
        handler.deliver(0, 500, true);
        handler.fund(0, 7);
        handler.takeOut(0, 9);
        handler.close(0);
        handler.collect(true);
        handler.collect(false);
        assertEq(handler.updates(), 2);
        assertEq(address(subs).balance, 0);
        invariant_fundsAndRounds();
    }
}
