// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DodonaConsumer} from "../../../src/DodonaConsumer.sol";
import {ExampleToken} from "../../../src/examples/ExampleToken.sol";
import {PredictionMarket} from "../../../src/examples/PredictionMarket.sol";
import {IDodonaOracle} from "../../../src/interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "../../../src/interfaces/IModelRegistry.sol";
import {ExampleBase} from "../../ExampleBase.sol";

contract PredictionMarketTest is ExampleBase {
    uint256 private constant FEE = 0.01 ether;
    int64 private constant LOW = 100;
    int64 private constant HIGH = 200;

    PredictionMarket private market;
    ExampleToken private token;
    bytes32 private priceModel;
    uint64 private closesAt;
    uint64 private settlesAt;
    uint64 private voidsAt;
    address private alice = makeAddr("alice");
    address private bob = makeAddr("bob");

    function setUp() public override {
        super.setUp();
        priceModel = _register(_spec(_committed(1), 1));
        settlesAt = uint64(START / PERIOD + 100) * PERIOD;
        closesAt = settlesAt - 30;
        voidsAt = settlesAt + 1 days;
        token = new ExampleToken("dollar", "USD");
        market = new PredictionMarket(oracle, token, _question());
        for (uint256 i = 0; i < 2; ++i) {
            address who = [alice, bob][i];
            token.mint(who, 1_000_000e6);
            vm.prank(who);
            token.approve(address(market), type(uint256).max);
        }
    }

    function _question() private view returns (PredictionMarket.Question memory question) {
        question.modelId = priceModel;
        question.mode = DIRECT;
        (question.closesAt, question.settlesAt, question.voidsAt) = (closesAt, settlesAt, voidsAt);
        question.thresholds = new int64[](2);
        (question.thresholds[0], question.thresholds[1]) = (LOW, HIGH);
    }

    function _stake(address who, uint256 outcome, uint256 amount) private {
        vm.prank(who);
        market.stake(outcome, amount);
    }

    function _ask() private returns (bytes32) {
        vm.prank(user);
        return market.ask{value: FEE}();
    }

    function _settle(int64 output) private returns (bytes32 id) {
        vm.warp(settlesAt);
        id = _ask();
        _deliver(id, DIRECT, _slotOf(settlesAt, output, true, true));
    }

    // ------------------------------------------------------------- whole lives

    function testFuzz_theRightOnesShareThePool(uint256 a, uint256 b, uint256 wrong, int64 output) public {
        a = bound(a, 1, 100_000e6);
        b = bound(b, 1, 100_000e6);
        wrong = bound(wrong, 1, 100_000e6);
        uint256 right = market.outcomeOf(output);
        assertEq(right, output < LOW ? 0 : output < HIGH ? 1 : 2);
        _stake(alice, right, a);
        _stake(bob, right, b);
        _stake(bob, (right + 1) % 3, wrong);
        bytes32 id = _settle(output);
        assertFalse(oracle.callbackFailed(id));
        assertEq(uint256(market.phase()), uint256(PredictionMarket.Phase.Resolved));
        assertEq(market.outcome(), right);
        uint256 pool = a + b + wrong;
        vm.prank(alice);
        uint256 toAlice = market.claim();
        assertEq(toAlice, a * pool / (a + b));
        vm.prank(bob);
        assertEq(market.claim(), b * pool / (a + b));
        assertLe(token.balanceOf(address(market)), 1);
    }

    function testFuzz_voidIfTheAnswerIsOutsideTheDomain(bool inDomain, int64 output, uint256 a, uint256 b) public {
        a = bound(a, 1, 100_000e6);
        b = bound(b, 1, 100_000e6);
        _stake(alice, 0, a);
        _stake(bob, 1, b);
        _stake(bob, 2, b);
        vm.warp(settlesAt);
        bytes32 id = _ask();
        _deliver(id, DIRECT, _slotOf(settlesAt, output, inDomain, !inDomain));
        _expectRefunds(a, 2 * b);
    }

    function testFuzz_voidIfNobodyIsRight(uint256 a, uint256 b) public {
        a = bound(a, 1, 100_000e6);
        b = bound(b, 1, 100_000e6);
        _stake(alice, 0, a);
        _stake(bob, 1, b);
        _settle(HIGH);
        _expectRefunds(a, b);
    }

    function testFuzz_voidIfNobodyAnswers(uint64 wait, uint256 a, uint256 b) public {
        a = bound(a, 1, 100_000e6);
        b = bound(b, 1, 100_000e6);
        _stake(alice, 0, a);
        _stake(bob, 1, b);
        vm.warp(bound(wait, uint256(voidsAt) + 1, uint256(voidsAt) + 3650 days));
        market.voidUnanswered();
        _expectRefunds(a, b);
    }

    function _expectRefunds(uint256 toAlice, uint256 toBob) private {
        assertEq(uint256(market.phase()), uint256(PredictionMarket.Phase.Void));
        vm.prank(alice);
        assertEq(market.claim(), toAlice);
        vm.prank(bob);
        assertEq(market.claim(), toBob);
        assertEq(token.balanceOf(address(market)), 0);
    }

    // --------------------------------------------------- the one observation

    /// @dev The attack: whoever asks or answers picks, among several observations, the one that pays.
    function testFuzz_noOtherObservationAnswers(uint64 askedAt, uint64 off, bool earlier) public {
        askedAt = uint64(bound(askedAt, closesAt, settlesAt + PERIOD - 1));
        vm.warp(askedAt);
        bytes32 id = _ask();
        off = uint64(bound(off, 1, 20)) * PERIOD;
        uint64 other = earlier ? settlesAt - off : settlesAt + off;
        if (block.timestamp < other) vm.warp(other);
        Delivery memory d = _delivery(id, model, DIRECT);
        d.slots = _slots(_slotOf(other, 150, true, true));
        uint256 earliest = askedAt < settlesAt ? askedAt : settlesAt;
        uint256 latest = askedAt < settlesAt && other > askedAt ? askedAt + PERIOD : askedAt;
        _expectFulfilRevert(
            _prove(d),
            abi.encodeWithSelector(IDodonaOracle.ObservationOutOfWindow.selector, id, earliest, latest, other)
        );
    }

    function testFuzz_theObservationAnswersWheneverAsked(uint64 askedAt) public {
        _stake(alice, 1, 5);
        vm.warp(bound(askedAt, closesAt, settlesAt + PERIOD - 1));
        bytes32 id = _ask();
        if (block.timestamp < settlesAt) vm.warp(settlesAt);
        _deliver(id, DIRECT, _slotOf(settlesAt, LOW, true, true));
        assertEq(uint256(market.phase()), uint256(PredictionMarket.Phase.Resolved));
    }

    function testFuzz_revertsIfAskedOutsideTheWindow(uint64 at, bool early) public {
        uint256 latest = settlesAt + PERIOD - 1;
        at = uint64(early ? bound(at, START, closesAt - 1) : bound(at, latest + 1, voidsAt + 30 days));
        vm.warp(at);
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.OutsideAskWindow.selector, closesAt, latest, at));
        _ask();
    }

    function testFuzz_revertsIfTheAnswerShowsAnotherTime(uint64 observedAt) public {
        vm.assume(observedAt != settlesAt);
        vm.warp(settlesAt);
        bytes32 id = _ask();
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.WrongObservation.selector, settlesAt, observedAt));
        vm.prank(address(oracle));
        market.onDodonaAnswer(id, _answerOf(observedAt, 1));
    }

    function testFuzz_revertsIfAnsweredTooLate(uint64 wait) public {
        vm.warp(settlesAt);
        bytes32 id = _ask();
        vm.warp(bound(wait, uint256(voidsAt) + 1, uint256(voidsAt) + 3650 days));
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.AnsweredTooLate.selector, voidsAt, block.timestamp));
        vm.prank(address(oracle));
        market.onDodonaAnswer(id, _answerOf(settlesAt, 1));
    }

    function testFuzz_revertsIfAnswererIsNotTheOracle(address caller) public {
        vm.assume(caller != address(oracle));
        vm.warp(settlesAt);
        bytes32 id = _ask();
        vm.expectRevert(abi.encodeWithSelector(DodonaConsumer.CallerNotOracle.selector, address(oracle), caller));
        vm.prank(caller);
        market.onDodonaAnswer(id, _answerOf(settlesAt, 1));
    }

    function testFuzz_aSecondAnswerChangesNothing(int64 output) public {
        _stake(alice, 1, 5);
        vm.warp(settlesAt);
        bytes32 second = _ask();
        _settle(LOW);
        _deliver(second, DIRECT, _slotOf(settlesAt, output, true, true));
        assertTrue(oracle.callbackFailed(second));
        assertEq(market.outcome(), 1);
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.NotOpen.selector, PredictionMarket.Phase.Resolved));
        vm.prank(address(oracle));
        market.onDodonaAnswer(second, _answerOf(settlesAt, output));
    }

    // ------------------------------------------------------------------- verbs

    function testFuzz_revertsIfStakedAfterClosing(uint64 at) public {
        vm.warp(bound(at, closesAt, voidsAt + 1 days));
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.StakingClosed.selector, closesAt, block.timestamp));
        _stake(alice, 0, 1);
    }

    function testFuzz_revertsIfOutcomeUnknown(uint256 outcome) public {
        outcome = bound(outcome, 3, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.OutcomeUnknown.selector, 3, outcome));
        _stake(alice, outcome, 1);
    }

    function testFuzz_revertsIfNothingIsStaked(uint256 outcome) public {
        vm.expectRevert(PredictionMarket.ZeroStake.selector);
        _stake(alice, bound(outcome, 0, 2), 0);
    }

    function testFuzz_revertsIfFeeTooLow(uint256 fee) public {
        vm.warp(settlesAt);
        uint256 least = oracle.quote(market.askParams());
        fee = bound(fee, 0, least - 1);
        vm.expectRevert(abi.encodeWithSelector(IDodonaOracle.FeeTooLow.selector, least, fee));
        vm.prank(user);
        market.ask{value: fee}();
    }

    function test_revertsIfAskedOnceDecided() public {
        _stake(alice, 1, 5);
        _settle(LOW);
        bytes memory reason = abi.encodeWithSelector(PredictionMarket.NotOpen.selector, PredictionMarket.Phase.Resolved);
        vm.expectRevert(reason);
        _ask();
        vm.warp(voidsAt + 1);
        vm.expectRevert(reason);
        market.voidUnanswered();
    }

    function testFuzz_revertsIfVoidedEarly(uint64 at) public {
        vm.warp(bound(at, START, voidsAt));
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.TooEarlyToVoid.selector, voidsAt, block.timestamp));
        market.voidUnanswered();
    }

    function testFuzz_revertsIfClaimedWhileOpen(uint64 at) public {
        _stake(alice, 1, 5);
        assertEq(market.claimable(alice), 0);
        vm.warp(bound(at, START, uint256(voidsAt) + 30 days));
        vm.expectRevert(PredictionMarket.StillOpen.selector);
        vm.prank(alice);
        market.claim();
    }

    function testFuzz_revertsIfNothingToClaim(uint256 amount) public {
        _stake(alice, 1, bound(amount, 1, 100e6));
        _stake(bob, 0, bound(amount, 1, 100e6));
        _settle(LOW);
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.NothingToClaim.selector, bob));
        vm.prank(bob);
        market.claim();
        vm.startPrank(alice);
        market.claim();
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.NothingToClaim.selector, alice));
        market.claim();
    }

    // ------------------------------------------------------------------ set-up

    function testFuzz_refusesTimesOutOfOrder(uint8 way, uint64 by) public {
        PredictionMarket.Question memory question = _question();
        way = uint8(bound(way, 0, 3));
        if (way == 0) question.closesAt = uint64(bound(by, 0, START));
        if (way == 1) question.closesAt = uint64(bound(by, settlesAt + 1, type(uint64).max));
        if (way == 2) question.voidsAt = uint64(bound(by, 0, settlesAt));
        if (way == 3) question.settlesAt += uint64(bound(by, 1, PERIOD - 1));
        vm.expectRevert(
            abi.encodeWithSelector(
                PredictionMarket.BadTimes.selector, question.closesAt, question.settlesAt, question.voidsAt
            )
        );
        new PredictionMarket(oracle, token, question);
    }

    function testFuzz_refusesThresholdsOutOfOrder(int64 value) public {
        PredictionMarket.Question memory question = _question();
        question.thresholds[1] = int64(bound(value, type(int64).min, LOW));
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.BadThresholds.selector, 1));
        new PredictionMarket(oracle, token, question);
    }

    function testFuzz_refusesTooFewOrManyThresholds(uint8 count) public {
        PredictionMarket.Question memory question = _question();
        count = uint8(bound(count, 15, 40));
        if (count == 15) count = 0;
        question.thresholds = new int64[](count);
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.BadThresholds.selector, count));
        new PredictionMarket(oracle, token, question);
    }

    function test_refusesAPublicSource() public {
        IModelRegistry.Source[] memory sources = new IModelRegistry.Source[](2);
        sources[0] = _committed(1)[0];
        sources[1] = IModelRegistry.Source({kind: 1, feedId: 0, length: 3});
        PredictionMarket.Question memory question = _question();
        question.modelId = _register(_spec(sources, 1));
        vm.expectRevert(abi.encodeWithSelector(PredictionMarket.PublicSource.selector, question.modelId, 1));
        new PredictionMarket(oracle, token, question);
    }

    function test_tellsItsOutcomes() public view {
        assertEq(market.outcomes(), 3);
        assertEq(abi.encode(market.thresholds()), abi.encode(_question().thresholds));
        assertEq(market.outcomeOf(type(int64).min), 0);
        assertEq(market.outcomeOf(LOW), 1);
        assertEq(market.outcomeOf(type(int64).max), 2);
    }

    /// @dev With two feeds the window is the shorter period's.
    function test_theWindowIsTheShortestPeriods() public {
        IModelRegistry.Source[] memory sources = _committed(2);
        sources[1].feedId = _feedOf(16, 20);
        PredictionMarket.Question memory question = _question();
        question.modelId = _register(_spec(sources, 1));
        PredictionMarket two = new PredictionMarket(oracle, token, question);
        assertEq(two.window(), 20);
        assertEq(two.thresholds().length, 2);
        vm.warp(settlesAt - 20);
        vm.expectRevert(
            abi.encodeWithSelector(
                PredictionMarket.OutsideAskWindow.selector, settlesAt - 19, settlesAt + 19, block.timestamp
            )
        );
        two.ask{value: 0}();
    }
}
