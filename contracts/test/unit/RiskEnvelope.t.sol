// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {RiskEnvelope} from "../../src/risk/RiskEnvelope.sol";
import {RiskBase} from "../RiskBase.sol";

contract RiskEnvelopeTest is RiskBase {
    IRiskEnvelope.Verdict internal constant PASSED = IRiskEnvelope.Verdict.Passed;
    IRiskEnvelope.Verdict internal constant HELD = IRiskEnvelope.Verdict.Held;
    IRiskEnvelope.Verdict internal constant REJECTED = IRiskEnvelope.Verdict.Rejected;

    function _says(IRiskEnvelope.Verdict expected, uint256[] memory from, uint256[] memory to, bytes memory why)
        internal
        view
    {
        _saysOf(TYPE, expected, from, to, false, why);
    }

    function _saysOf(
        string memory updateType,
        IRiskEnvelope.Verdict expected,
        uint256[] memory from,
        uint256[] memory to,
        bool approved,
        bytes memory why
    ) internal view {
        (IRiskEnvelope.Verdict verdict, bytes memory reason) =
            envelope.preview(envelope.keyOf(asset, updateType), from, to, approved);
        assertEq(uint256(verdict), uint256(expected));
        assertEq(reason, why);
    }

    function _set(string memory updateType, IRiskEnvelope.Limits memory limits) internal {
        vm.prank(owner);
        envelope.setLimits(asset, updateType, limits);
    }

    // ------------------------------------------------------------------ fields

    /// Whatever passes keeps every rule; written out here once more, without the contract's arithmetic.
    function testFuzz_whatPassesKeepsAllRules(uint256 ltv, uint256 lt, uint256 lb) public view {
        ltv = bound(ltv, 2_900, 9_100);
        lt = bound(lt, 3_900, 10_000);
        lb = bound(lb, 50, 2_100);
        bool good = ltv >= 3_000 && ltv <= 9_000 && lt >= 4_000 && lt <= 9_900 && lb >= 100 && lb <= 2_000 && ltv <= lt
            && lt + lt * lb / 10_000 + (lt * lb % 10_000 == 0 ? 0 : 1) <= 10_000;
        (IRiskEnvelope.Verdict verdict, bytes memory reason) =
            envelope.preview(riskKey, none, _vector(ltv, lt, lb), false);
        assertEq(uint256(verdict), uint256(good ? PASSED : REJECTED));
        assertEq(reason.length == 0, good);
    }

    function testFuzz_refusesBelowMin(uint256 value) public view {
        value = bound(value, 0, 2_999);
        _says(
            REJECTED,
            none,
            _vector(value, 7_200, 500),
            abi.encodeWithSelector(IRiskEnvelope.BelowMin.selector, 0, 3_000, value)
        );
    }

    function testFuzz_refusesAboveMax(uint256 value) public view {
        value = bound(value, 9_901, type(uint64).max);
        _says(
            REJECTED,
            none,
            _vector(6_500, value, 500),
            abi.encodeWithSelector(IRiskEnvelope.AboveMax.selector, 1, 9_900, value)
        );
    }

    /// "Keep the current value" (2^256 - 43) and all of its kind; nobody may stand in for a number with a word.
    function testFuzz_refusesSentinels(uint256 value) public view {
        value = bound(value, uint256(type(uint64).max) + 1, type(uint256).max);
        for (uint256 i = 0; i < 3; ++i) {
            uint256[] memory next = _vector(6_500, 7_200, 500);
            next[i] = i == 2 ? type(uint256).max - 42 : value;
            _saysOf(
                TYPE,
                REJECTED,
                none,
                next,
                true,
                abi.encodeWithSelector(IRiskEnvelope.SentinelRefused.selector, i, next[i])
            );
        }
    }

    /// Cut to 64 bits a sentinel is still above every maximum that can be set.
    function test_refusesSentinelsCutTo64Bits() public {
        IRiskEnvelope.Limits memory limits = _limits3();
        limits.fields[0].max = uint64(type(int64).max);
        limits.rules = new IRiskEnvelope.Rule[](0);
        _set("wide", limits);
        uint64 cut = type(uint64).max - 42;
        _saysOf(
            "wide",
            REJECTED,
            none,
            _vector(cut, 7_200, 500),
            false,
            abi.encodeWithSelector(IRiskEnvelope.AboveMax.selector, 0, limits.fields[0].max, cut)
        );
    }

    /// One field past a limit takes the whole vector with it, whatever the others are.
    function testFuzz_aVectorIsAtomic(uint8 at, uint256 value) public view {
        at = at % 3;
        uint256[] memory next = _vector(6_400, 7_100, 450);
        next[at] = bound(value, 10_000, type(uint64).max);
        (IRiskEnvelope.Verdict verdict,) = envelope.preview(riskKey, _vector(6_500, 7_200, 500), next, true);
        assertEq(uint256(verdict), uint256(REJECTED));
    }

    // ------------------------------------------------------------------- steps

    /// Up to the step: passes. Up to twice: held, and passes if approved. Further: rejected, approved or not.
    function testFuzz_steps(uint256 from, uint256 step, bool down) public view {
        step = bound(step, 0, 1_000);
        from = down ? bound(from, 100 + step, 2_000) : bound(from, 100, 2_000 - step);
        uint256[] memory before = _vector(6_500, 7_200, from);
        uint256[] memory next = _vector(6_500, 7_200, down ? from - step : from + step);
        bytes memory soft = abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 2, 200, step);
        bytes memory hard = abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 2, 400, step);
        if (step <= 200) {
            _says(PASSED, before, next, "");
        } else if (step <= 400) {
            _says(HELD, before, next, soft);
            _saysOf(TYPE, PASSED, before, next, true, "");
        } else {
            _says(REJECTED, before, next, hard);
            _saysOf(TYPE, REJECTED, before, next, true, hard);
        }
    }

    function testFuzz_relativeSteps(uint256 from, uint256 to) public {
        IRiskEnvelope.Limits memory limits = _limits3();
        limits.fields[2] = _field(0, 2_000_000, 2_000_000, 2_000_000, 2_000_000);
        limits.fields[2].maxStepBps = 250;
        limits.rules = new IRiskEnvelope.Rule[](0);
        _set("relative", limits);
        from = bound(from, 0, 1_800_000);
        to = bound(to, from - from / 10, from + from / 10 + 1);
        uint256[] memory before = _vector(6_500, 7_200, from);
        uint256[] memory next = _vector(6_500, 7_200, to);
        uint256 step = from > to ? from - to : to - from;
        if (step * 10_000 <= 250 * from) {
            _saysOf("relative", PASSED, before, next, false, "");
        } else if (step * 10_000 <= 500 * from) {
            _saysOf(
                "relative",
                HELD,
                before,
                next,
                false,
                abi.encodeWithSelector(IRiskEnvelope.RelativeStepTooLarge.selector, 2, 250, from, to)
            );
        } else {
            _saysOf(
                "relative",
                REJECTED,
                before,
                next,
                true,
                abi.encodeWithSelector(IRiskEnvelope.RelativeStepTooLarge.selector, 2, 500, from, to)
            );
        }
    }

    function testFuzz_directions(uint8 way, uint256 to) public {
        IRiskEnvelope.Limits memory limits = _limits3();
        IRiskEnvelope.Direction moves = IRiskEnvelope.Direction(way % 4);
        limits.fields[0].moves = moves;
        limits.fields[0].delayFree = IRiskEnvelope.Direction.None;
        _set("directed", limits);
        to = bound(to, 6_200, 6_800);
        bool allowed = to == 6_500 || moves == IRiskEnvelope.Direction.Both
            || (to > 6_500 && moves == IRiskEnvelope.Direction.Up)
            || (to < 6_500 && moves == IRiskEnvelope.Direction.Down);
        _saysOf(
            "directed",
            allowed ? PASSED : REJECTED,
            _vector(6_500, 7_200, 500),
            _vector(to, 7_200, 500),
            true,
            allowed ? bytes("") : abi.encodeWithSelector(IRiskEnvelope.DirectionRefused.selector, 0, 6_500, to)
        );
    }

    function testFuzz_refusesFieldCount(uint8 count) public view {
        vm.assume(count != 3);
        bytes memory why = abi.encodeWithSelector(IRiskEnvelope.FieldCount.selector, 3, count);
        _says(REJECTED, none, new uint256[](count), why);
        if (count == 0) return;
        _says(REJECTED, new uint256[](count), _vector(6_500, 7_200, 500), why);
    }

    function testFuzz_refusesWithoutLimits(address market) public {
        vm.assume(market != asset);
        bytes32 key = envelope.keyOf(market, TYPE);
        assertEq(envelope.fieldCount(key), 0);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.LimitsUnknown.selector, key));
        envelope.preview(key, none, _vector(6_500, 7_200, 500), false);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.LimitsUnknown.selector, key));
        envelope.limitsOf(market, TYPE);
    }

    // ----------------------------------------------------------------- recheck

    /// Against a protocol's own value: the step counts from there, delay and drift do not count.
    function testFuzz_rechecksAgainstTheLiveValue(uint256 live, bool approved) public view {
        live = bound(live, 0, type(uint256).max);
        uint256 next = 7_200;
        uint256 step = live > next ? live - next : next - live;
        uint256 limit = approved ? 600 : 300;
        bytes memory reason = envelope.recheck(riskKey, _vector(6_500, live, 500), _vector(6_500, next, 500), approved);
        if (step <= limit) {
            assertEq(reason, "");
        } else {
            assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 1, limit, step));
        }
    }

    function testFuzz_rechecksTheWholeVector(uint256 ltv, uint8 count) public view {
        ltv = bound(ltv, 7_201, 7_400);
        bytes memory reason = envelope.recheck(riskKey, _vector(7_150, 7_200, 500), _vector(ltv, 7_200, 500), false);
        assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.LtvAboveThreshold.selector, ltv, 7_200));
        vm.assume(count != 3);
        reason = envelope.recheck(riskKey, new uint256[](count), _vector(6_500, 7_200, 500), false);
        assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.FieldCount.selector, 3, count));
        reason = envelope.recheck(riskKey, _vector(6_500, 7_200, 500), _vector(6_500, 7_200, 99), true);
        assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.BelowMin.selector, 2, 100, 99));
    }

    // ------------------------------------------------------------------ limits

    function test_showsLimits() public view {
        assertEq(abi.encode(envelope.limitsOf(asset, TYPE)), abi.encode(_limits3()));
        assertEq(envelope.fieldCount(riskKey), 3);
        assertEq(riskKey, keccak256(abi.encode(asset, TYPE)));
    }

    function test_limitsAreSetOnce() public {
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.LimitsAlreadySet.selector, riskKey));
        _set(TYPE, _limits3());
    }

    function _refuse(IRiskEnvelope.Limits memory limits, bytes memory why) internal {
        vm.expectRevert(why);
        _set("x", limits);
    }

    function testFuzz_refusesFieldCountOfLimits(uint8 count) public {
        vm.assume(count == 0 || count > 16);
        IRiskEnvelope.Limits memory limits = _limits3();
        limits.fields = new IRiskEnvelope.FieldLimits[](count);
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.FieldCount.selector, 16, count));
    }

    function testFuzz_refusesBadFields(uint8 at, uint64 by) public {
        at = at % 3;
        bytes memory why = abi.encodeWithSelector(IRiskEnvelope.BadLimits.selector, at);
        IRiskEnvelope.Limits memory limits = _limits3();
        limits.fields[at].min = limits.fields[at].max + uint64(bound(by, 1, 1e9));
        _refuse(limits, why);
        limits = _limits3();
        limits.fields[at].max = uint64(bound(by, uint256(uint64(type(int64).max)) + 1, type(uint64).max));
        _refuse(limits, why);
        limits = _limits3();
        limits.fields[at].weekBudget = limits.fields[at].monthBudget + uint64(bound(by, 1, 1e9));
        _refuse(limits, why);
        limits = _limits3();
        limits.fields[at].delayFree = IRiskEnvelope.Direction.Both;
        _refuse(limits, why);
    }

    function testFuzz_refusesBadHoldFactor(uint32 factor) public {
        vm.assume(factor < 10_000 || factor > 30_000);
        IRiskEnvelope.Limits memory limits = _limits3();
        limits.holdBps = factor;
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.BadHoldFactor.selector, factor));
    }

    function testFuzz_refusesRulesOverFieldsThatAreNotThere(uint8 which, uint8 kind, uint8 index) public {
        index = uint8(bound(index, 3, 255));
        IRiskEnvelope.Limits memory limits = _limits3();
        IRiskEnvelope.Rule memory rule = _rule(IRiskEnvelope.RuleKind(kind % 6), 0, 1, 2);
        if (which % 3 == 0) rule.a = index;
        else if (which % 3 == 1) rule.b = index;
        else rule.c = index;
        limits.rules[1] = rule;
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.BadRule.selector, 1));
    }

    function test_refusesBadRules() public {
        IRiskEnvelope.Limits memory limits = _limits3();
        limits.rules = new IRiskEnvelope.Rule[](17);
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.BadRule.selector, 16));
        limits = _limits3();
        limits.rules[0] = _rule(IRiskEnvelope.RuleKind.Growth, 1, 1, 0);
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.BadRule.selector, 0));
        limits.rules[0].b = 2;
        (limits.rules[0].low, limits.rules[0].high) = (2, 1);
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.BadRule.selector, 0));
    }

    /// A liquidation threshold never skips the delay, and a loan-to-value only downwards.
    function testFuzz_nothingButTighteningSkipsTheDelay(bool up, bool bonusOnly) public {
        IRiskEnvelope.Direction way = up ? IRiskEnvelope.Direction.Up : IRiskEnvelope.Direction.Down;
        IRiskEnvelope.Limits memory limits = _limits3();
        limits.fields[1].delayFree = way;
        if (bonusOnly) limits.rules[0] = limits.rules[1];
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.MayNotSkip.selector, 1));
        limits = _limits3();
        limits.fields[0].delayFree = IRiskEnvelope.Direction.Up;
        _refuse(limits, abi.encodeWithSelector(IRiskEnvelope.MayNotSkip.selector, 0));
    }

    function testFuzz_onlyTheOwnerSetsLimits(address caller) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        envelope.setLimits(asset, "x", _limits3());
    }

    // ----------------------------------------------------------------- binding

    function testFuzz_onlyItsRiskOracleAdmits(address caller) public {
        vm.assume(caller != address(risk));
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.NotRiskOracle.selector, address(risk), caller));
        vm.prank(caller);
        envelope.admit(riskKey, none, _vector(6_500, 7_200, 500), false);
    }

    function testFuzz_isBoundOnceByTheOwner(address to, address caller) public {
        vm.assume(to != address(0) && caller != owner);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.AlreadyBound.selector, address(risk)));
        vm.prank(owner);
        envelope.bind(to);
        RiskEnvelope fresh = new RiskEnvelope(owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        fresh.bind(to);
        vm.startPrank(owner);
        vm.expectRevert(IRiskEnvelope.ZeroAddress.selector);
        fresh.bind(address(0));
        fresh.bind(to);
        assertEq(fresh.riskOracle(), to);
    }
}
