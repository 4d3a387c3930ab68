// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {DodonaConsumer} from "../../src/DodonaConsumer.sol";
import {SafeCall} from "../../src/libraries/SafeCall.sol";
import {Base} from "../Base.sol";
import {Consumer} from "../mocks/Consumers.sol";

contract CallbackTest is Base {
    uint32 internal constant LIMIT = 300_000;
    Consumer internal consumer;

    function setUp() public override {
        super.setUp();
        consumer = new Consumer(oracle);
        vm.deal(address(consumer), 10 ether);
    }

    function _open(Consumer.Way way) internal returns (Delivery memory) {
        return _open(way, LIMIT);
    }

    function _open(Consumer.Way way, uint32 limit) internal returns (Delivery memory d) {
        consumer.setWay(way);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.callbackGasLimit = limit;
        bytes32 id = consumer.ask(params, oracle.quote(params));
        d = _prove(_delivery(id, model, DIRECT));
    }

    function _assertStands(Delivery memory d) internal view {
        assertEq(_status(d.ids[0]), uint256(IDodonaOracle.Status.Fulfilled));
        assertEq(oracle.creditOf(address(0), operator), oracle.requestOf(d.ids[0]).fee);
        assertEq(oracle.answerOf(d.ids[0]).outputs[1], 720_000);
    }

    function test_delivers() public {
        Delivery memory d = _open(Consumer.Way.Keep);
        _fulfil(d);
        _assertStands(d);
        assertEq(consumer.answers(), 1);
        assertEq(consumer.outputs()[2], 50_000);
        assertFalse(oracle.callbackFailed(d.ids[0]));
    }

    function testFuzz_theAnswerStandsWhateverTheCallbackDoes(uint8 which) public {
        Consumer.Way way = [Consumer.Way.Revert, Consumer.Way.RevertLong, Consumer.Way.BurnGas][bound(which, 0, 2)];
        Delivery memory d = _open(way);
        bytes memory reason;
        if (way == Consumer.Way.Revert) reason = abi.encodeWithSelector(Consumer.Unwilling.selector, 7);
        if (way == Consumer.Way.RevertLong) reason = new bytes(256);
        // Long revert data starts with the consumer's memory, so only its length is compared.
        vm.expectEmit(true, true, true, way != Consumer.Way.RevertLong, address(oracle));
        emit IDodonaOracle.CallbackFailed(d.ids[0], address(consumer), reason);
        _fulfil(d);
        _assertStands(d);
        assertTrue(oracle.callbackFailed(d.ids[0]));
        assertEq(consumer.answers(), 0);
    }

    /// A return bomb is not copied: the oracle spends no more than without it.
    function test_longReturnDataCostsTheConsumerAlone() public {
        Delivery memory d = _open(Consumer.Way.ReturnLong);
        _fulfil(d);
        _assertStands(d);
        assertFalse(oracle.callbackFailed(d.ids[0]));
    }

    function testFuzz_reentryIsRefusedAndHarmless(uint8 which) public {
        Consumer.Way way =
            [Consumer.Way.ReenterRetry, Consumer.Way.ReenterWithdraw, Consumer.Way.ReenterFulfil][bound(which, 0, 2)];
        Delivery memory d = _open(way);
        d.payee = address(consumer);
        _prove(d);
        consumer.setPayload(abi.encodeCall(oracle.fulfil, (d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof)));
        _fulfil(d);
        assertEq(consumer.answers(), 1);
        assertFalse(consumer.reentered());
        assertEq(oracle.totalCredits(address(0)), oracle.requestOf(d.ids[0]).fee);
    }

    /// Whatever a callback calls on the oracle while it is being answered.
    function testFuzz_reentryIntoOtherVerbsIsRefused(uint8 which) public {
        Delivery memory d = _open(Consumer.Way.ReenterFulfil);
        bytes32 other = _request(_params(model, DIRECT));
        bytes[5] memory payloads = [
            abi.encodeCall(oracle.refund, (other)),
            abi.encodeCall(oracle.accept, (other, address(consumer), _slot(model).observations)),
            abi.encodeCall(oracle.settleMissed, (other)),
            abi.encodeCall(oracle.voidAcceptance, (other, address(consumer), _slot(model).observations)),
            abi.encodeCall(oracle.increaseFee, (other, 1))
        ];
        bytes memory payload = payloads[which % 5];
        consumer.setPayload(payload);
        _fulfil(d);
        assertEq(consumer.answers(), 1);
        assertFalse(consumer.reentered());
        assertEq(bytes4(consumer.reentryReason()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
    }

    function test_mayAskAgainFromItsCallback() public {
        Delivery memory d = _open(Consumer.Way.AskAgain);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.callbackGasLimit = LIMIT;
        consumer.setPayload(abi.encode(params));
        _fulfil(d);
        assertFalse(oracle.callbackFailed(d.ids[0]));
        assertTrue(consumer.lastId() != d.ids[0]);
        assertEq(_status(consumer.lastId()), uint256(IDodonaOracle.Status.Open));
    }

    /// An operator cannot starve a callback: with less gas than was paid for, nothing is delivered at all.
    function testFuzz_neverLessGasThanAsked(uint256 gas_) public {
        uint32 limit = 1_000_000;
        Delivery memory d = _open(Consumer.Way.Keep, limit);
        gas_ = bound(gas_, 600_000, 2_400_000);
        vm.prank(operator);
        (bool ok,) = address(oracle).call{gas: gas_}(
            abi.encodeCall(oracle.fulfil, (d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof))
        );
        if (ok) {
            assertEq(consumer.answers(), 1);
            assertGt(consumer.gasSeen(), limit - 10_000);
            assertLe(consumer.gasSeen(), limit);
        } else {
            assertEq(consumer.answers(), 0);
            assertEq(_status(d.ids[0]), uint256(IDodonaOracle.Status.Open));
        }
    }

    /// The verifier's cap fits, the callback's gas behind it does not.
    function testFuzz_refusesTooLittleGasByName(uint256 gas_) public {
        Delivery memory d = _open(Consumer.Way.Keep, 1_000_000);
        gas_ = bound(gas_, 800_000, 1_050_000);
        vm.prank(operator);
        (bool ok, bytes memory reason) = address(oracle).call{gas: gas_}(
            abi.encodeCall(oracle.fulfil, (d.ids, d.mode, d.payee, d.expiry, d.slots, d.proof))
        );
        assertFalse(ok);
        assertEq(bytes4(reason), IDodonaOracle.InsufficientCallbackGas.selector);
    }

    function test_anEoaIsNoProblem() public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.callbackGasLimit = LIMIT;
        Delivery memory d = _prove(_delivery(_request(params), model, DIRECT));
        _fulfil(d);
        _assertStands(d);
    }

    function testFuzz_onlyTheOracleAnswers(address caller) public {
        vm.assume(caller != address(oracle));
        Delivery memory d = _open(Consumer.Way.Keep);
        IDodonaOracle.Answer memory answer;
        vm.expectRevert(abi.encodeWithSelector(DodonaConsumer.CallerNotOracle.selector, address(oracle), caller));
        vm.prank(caller);
        consumer.onDodonaAnswer(d.ids[0], answer);
    }

    function testFuzz_consumerRefusesWhatItNeverAsked(bytes32 id) public {
        IDodonaOracle.Answer memory answer;
        vm.expectRevert(abi.encodeWithSelector(DodonaConsumer.NotAsked.selector, id));
        vm.prank(address(oracle));
        consumer.onDodonaAnswer(id, answer);
    }
}

contract RetryTest is Base {
    uint32 internal constant LIMIT = 300_000;
    Consumer internal consumer;
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        consumer = new Consumer(oracle);
        vm.deal(address(consumer), 10 ether);
        consumer.setWay(Consumer.Way.NeedGas);
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.callbackGasLimit = LIMIT;
        id = consumer.ask(params, oracle.quote(params));
        _fulfil(_prove(_delivery(id, model, DIRECT)));
        assertTrue(oracle.callbackFailed(id));
    }

    function testFuzz_anyoneRetriesWithMoreGasOnce(address caller) public {
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.CallbackRetried(id, address(consumer));
        vm.prank(caller);
        oracle.retryCallback(id);
        assertEq(consumer.answers(), 1);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NoFailedCallback.selector, id));
        oracle.retryCallback(id);
        assertEq(oracle.totalCredits(address(0)), oracle.creditOf(address(0), operator));
    }

    function test_aSecondFailureLeavesItRetryable() public {
        consumer.setWay(Consumer.Way.Revert);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDodonaOracle.CallbackRefused.selector, abi.encodeWithSelector(Consumer.Unwilling.selector, 7)
            )
        );
        oracle.retryCallback(id);
        assertTrue(oracle.callbackFailed(id));
    }

    function testFuzz_refusesWhatDidNotFail(bytes32 other) public {
        vm.assume(other != id);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.NoFailedCallback.selector, other));
        oracle.retryCallback(other);
    }

    /// Nobody can spoil an answer by retrying with less gas than the consumer was promised.
    function testFuzz_neverLessGasThanTheLimit(uint256 gas_) public {
        consumer.setWay(Consumer.Way.Keep);
        gas_ = bound(gas_, 60_000, 900_000);
        (bool ok,) = address(oracle).call{gas: gas_}(abi.encodeCall(oracle.retryCallback, (id)));
        if (ok) assertGt(consumer.gasSeen(), LIMIT - 10_000);
        else assertTrue(oracle.callbackFailed(id));
        assertGe(SafeCall.gasFor(LIMIT), LIMIT);
    }
}
