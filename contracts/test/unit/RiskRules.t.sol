// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {EnvelopeRules} from "../../src/risk/EnvelopeRules.sol";

/// @notice The joint rules one by one, over vectors that are otherwise free.
contract RiskRulesTest is Test {
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant NOW = 1_800_000_000;
    uint256[] internal none;

    function _rule(IRiskEnvelope.RuleKind kind) internal pure returns (IRiskEnvelope.Rule memory rule) {
        rule.kind = kind;
        (rule.a, rule.b, rule.c) = (0, 1, 2);
    }

    function _refusal(IRiskEnvelope.Rule memory rule, uint256 a, uint256 b, uint256 c)
        internal
        view
        returns (bytes memory)
    {
        uint256[] memory next = new uint256[](3);
        (next[0], next[1], next[2]) = (a, b, c);
        return EnvelopeRules.ruleRefusal(rule, none, next, NOW);
    }

    function testFuzz_ltvIsNotAboveTheThreshold(uint64 ltv, uint64 lt) public view {
        bytes memory got = _refusal(_rule(IRiskEnvelope.RuleKind.Threshold), ltv, lt, 0);
        bytes memory expected = "";
        if (ltv > lt) expected = abi.encodeWithSelector(IRiskEnvelope.LtvAboveThreshold.selector, ltv, lt);
        else if (lt >= 10_000) expected = abi.encodeWithSelector(IRiskEnvelope.ThresholdNotBelowOne.selector, lt);
        assertEq(got, expected);
    }

    function testFuzz_theThresholdIsBelowOne(uint64 ltv, uint64 lt) public view {
        lt = uint64(bound(lt, 9_990, 10_010));
        ltv = uint64(bound(ltv, 0, lt));
        bytes memory got = _refusal(_rule(IRiskEnvelope.RuleKind.Threshold), ltv, lt, 0);
        assertEq(got, lt < 10_000 ? bytes("") : abi.encodeWithSelector(IRiskEnvelope.ThresholdNotBelowOne.selector, lt));
    }

    function testFuzz_theBonusIsCoveredByTheCollateral(uint64 lt, uint64 lb) public view {
        lt = uint64(bound(lt, 1, 10_500));
        // Around the boundary: the bonus that just fits, and one more.
        uint256 fits = 100_000_000 / uint256(lt) < 10_000 ? 0 : uint256(100_000_000) / lt - 10_000;
        lb = uint64(bound(lb, fits < 3 ? 0 : fits - 3, fits + 3));
        bytes memory got = _refusal(_rule(IRiskEnvelope.RuleKind.Bonus), lt, lb, 0);
        bool good = lt <= 10_000 && lb <= fits;
        assertEq(got, good ? bytes("") : abi.encodeWithSelector(IRiskEnvelope.BonusExceedsCollateral.selector, lt, lb));
    }

    function testFuzz_slopesAreOrdered(uint64 slope1, uint64 slope2) public view {
        bytes memory got = _refusal(_rule(IRiskEnvelope.RuleKind.Ordered), slope1, slope2, 0);
        assertEq(
            got,
            slope1 <= slope2
                ? bytes("")
                : abi.encodeWithSelector(IRiskEnvelope.NotOrdered.selector, 0, 1, slope1, slope2)
        );
    }

    function testFuzz_ratesSumUpToTheCap(uint64 base, uint64 slope1, uint64 slope2, uint64 cap) public view {
        IRiskEnvelope.Rule memory rule = _rule(IRiskEnvelope.RuleKind.Sum);
        base = uint64(bound(base, 0, 2_000));
        slope1 = uint64(bound(slope1, 0, 2_000));
        slope2 = uint64(bound(slope2, 0, 30_000));
        rule.high = uint64(bound(cap, 0, 34_000));
        uint256 sum = uint256(base) + slope1 + slope2;
        bytes memory got = _refusal(rule, base, slope1, slope2);
        assertEq(
            got,
            sum <= rule.high ? bytes("") : abi.encodeWithSelector(IRiskEnvelope.SumTooLarge.selector, rule.high, sum)
        );
    }

    function testFuzz_theKinkIsWithinOneAndNinetyNinePercent(uint64 kink) public view {
        kink = uint64(bound(kink, 0, 12_000));
        bytes memory got = _refusal(_rule(IRiskEnvelope.RuleKind.Kink), kink, 0, 0);
        assertEq(
            got,
            kink >= 100 && kink <= 9_900
                ? bytes("")
                : abi.encodeWithSelector(IRiskEnvelope.KinkOutOfRange.selector, 100, 9_900, kink)
        );
    }

    // ------------------------------------------------------------------ growth

    function _growth(uint256 ratio0, uint256 time0, uint256 ratio1, uint256 time1)
        internal
        pure
        returns (bytes memory)
    {
        IRiskEnvelope.Rule memory rule = _rule(IRiskEnvelope.RuleKind.Growth);
        (rule.low, rule.high, rule.extra) = (200, 600, 7 days);
        uint256[] memory before = new uint256[](2);
        uint256[] memory next = new uint256[](2);
        (before[0], before[1]) = (ratio0, time0);
        (next[0], next[1]) = (ratio1, time1);
        return EnvelopeRules.ruleRefusal(rule, before, next, NOW);
    }

    /// 2 to 6 % a year, for any ratio, any time between and any growth.
    function testFuzz_growthStaysWithinItsRates(uint256 ratio0, uint256 elapsed, uint256 bps) public pure {
        ratio0 = bound(ratio0, 1e15, 4e18);
        elapsed = bound(elapsed, 1 days, 3 * YEAR);
        bps = bound(bps, 0, 1_500);
        uint256 time1 = NOW - 7 days;
        uint256 time0 = time1 - elapsed;
        uint256 grown = ratio0 * bps * elapsed / (10_000 * YEAR);
        uint256 ratio1 = ratio0 + grown;
        bytes memory expected = "";
        // The rate by definition, in rational numbers: grown / ratio0 × YEAR / elapsed.
        if (grown * 10_000 * YEAR < 200 * ratio0 * elapsed) {
            expected = abi.encodeWithSelector(IRiskEnvelope.GrowthTooLow.selector, 200, ratio0, ratio1, elapsed);
        } else if (grown * 10_000 * YEAR > 600 * ratio0 * elapsed) {
            expected = abi.encodeWithSelector(IRiskEnvelope.GrowthTooHigh.selector, 600, ratio0, ratio1, elapsed);
        }
        assertEq(_growth(ratio0, time0, ratio1, time1), expected);
        if (bps > 600) assertEq(bytes4(expected), IRiskEnvelope.GrowthTooHigh.selector);
        if (bps < 200) assertEq(bytes4(expected), IRiskEnvelope.GrowthTooLow.selector);
        if (bps > 200 && bps <= 600) assertEq(expected, "");
    }

    /// The time alone moves forward, as it did in March 2026 next to a ratio that could not follow.
    function testFuzz_aTimeWithoutItsRatioIsRefused(uint256 elapsed) public pure {
        elapsed = bound(elapsed, 1, 3 * YEAR);
        uint256 time1 = NOW - 7 days;
        assertEq(
            _growth(1.15e18, time1 - elapsed, 1.15e18, time1),
            abi.encodeWithSelector(IRiskEnvelope.GrowthTooLow.selector, 200, 1.15e18, 1.15e18, elapsed)
        );
    }

    function testFuzz_aRatioWithoutItsTimeIsRefused(uint256 ratio, uint256 back) public pure {
        ratio = bound(ratio, 1e18, 2e18);
        vm.assume(ratio != 1.15e18);
        uint256 time0 = NOW - 30 days;
        uint256 time1 = time0 - bound(back, 0, 30 days);
        assertEq(
            _growth(1.15e18, time0, ratio, time1),
            abi.encodeWithSelector(IRiskEnvelope.SnapshotNotLater.selector, time0, time1)
        );
    }

    function testFuzz_aSnapshotIsOldEnough(uint256 time1) public pure {
        time1 = bound(time1, NOW - 7 days + 1, NOW + 365 days);
        assertEq(
            _growth(1.15e18, NOW - 30 days, 1.16e18, time1),
            abi.encodeWithSelector(IRiskEnvelope.SnapshotTooRecent.selector, NOW - 7 days, time1)
        );
    }

    function test_anUnchangedPairPasses() public pure {
        assertEq(_growth(1.15e18, NOW - 30 days, 1.15e18, NOW - 30 days), "");
    }

    function test_withoutAPairBeforeOnlyTheAgeCounts() public view {
        IRiskEnvelope.Rule memory rule = _rule(IRiskEnvelope.RuleKind.Growth);
        rule.extra = 7 days;
        assertEq(_refusal(rule, 1.15e18, NOW - 7 days, 0), "");
        assertEq(
            _refusal(rule, 1.15e18, NOW - 7 days + 1, 0),
            abi.encodeWithSelector(IRiskEnvelope.SnapshotTooRecent.selector, NOW - 7 days, NOW - 7 days + 1)
        );
    }

    function testFuzz_scalingRoundsDownAndFitsIn64Bits(uint64 limit, uint32 factor) public pure {
        factor = uint32(bound(factor, 10_000, 30_000));
        uint256 scaled = EnvelopeRules.scaled(limit, factor);
        uint256 exact = uint256(limit) * factor / 10_000;
        assertEq(scaled, exact > type(uint64).max ? type(uint64).max : exact);
        assertGe(scaled, limit);
    }
}
