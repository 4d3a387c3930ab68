// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskEnvelope} from "../interfaces/IRiskEnvelope.sol";

/// @title EnvelopeRules
/// @notice The arithmetic of the envelope's limits on fields and over fields. No state, no rounding: every comparison is
/// cross-multiplied, so that equality means equality. A function returns why a vector fails, empty if it does not.
/// @dev Values that come here are below 2^63 (checked against `max` first), so that products of three of them with the
/// constants below stay under 2^256.
library EnvelopeRules {
    /// @dev Basis points in one.
    uint256 internal constant ONE = 10_000;
    uint256 internal constant YEAR = 365 days;
    uint256 internal constant KINK_MIN = 100;
    uint256 internal constant KINK_MAX = 9_900;
    uint32 internal constant NO_RELATIVE_LIMIT = type(uint32).max;

    /// @notice Absolute bounds. Hard.
    function boundsRefusal(IRiskEnvelope.FieldLimits memory field, uint256 index, uint256 value)
        internal
        pure
        returns (bytes memory)
    {
        if (value > type(uint64).max) {
            return abi.encodeWithSelector(IRiskEnvelope.SentinelRefused.selector, index, value);
        }
        if (value < field.min) return abi.encodeWithSelector(IRiskEnvelope.BelowMin.selector, index, field.min, value);
        if (value > field.max) return abi.encodeWithSelector(IRiskEnvelope.AboveMax.selector, index, field.max, value);
        return "";
    }

    /// @notice Direction. Hard.
    function directionRefusal(IRiskEnvelope.FieldLimits memory field, uint256 index, uint256 previous, uint256 value)
        internal
        pure
        returns (bytes memory)
    {
        if (movesWithin(field.moves, previous, value)) return "";
        return abi.encodeWithSelector(IRiskEnvelope.DirectionRefused.selector, index, previous, value);
    }

    /// @notice One step, with limits times `factorBps` / 10,000. The value before may be anything (a protocol's present
    /// value is read from elsewhere).
    function stepRefusal(
        IRiskEnvelope.FieldLimits memory field,
        uint256 index,
        uint256 previous,
        uint256 value,
        uint256 factorBps
    ) internal pure returns (bytes memory) {
        uint256 step = distance(previous, value);
        uint256 maxStep = scaled(field.maxStep, factorBps);
        if (step > maxStep) return abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, index, maxStep, step);
        if (field.maxStepBps == NO_RELATIVE_LIMIT) return "";
        // step <= 2^64 - 1 and value < 2^63, so previous < 2^65: no overflow.
        if (step * ONE * ONE <= uint256(field.maxStepBps) * factorBps * previous) return "";
        return abi.encodeWithSelector(
            IRiskEnvelope.RelativeStepTooLarge.selector, index, field.maxStepBps * factorBps / ONE, previous, value
        );
    }

    /// @notice One joint rule over `next`. Hard.
    /// @param previous the vector before; empty if there is none.
    function ruleRefusal(
        IRiskEnvelope.Rule memory rule,
        uint256[] memory previous,
        uint256[] memory next,
        uint256 timestamp
    ) internal pure returns (bytes memory) {
        IRiskEnvelope.RuleKind kind = rule.kind;
        if (kind == IRiskEnvelope.RuleKind.Threshold) return thresholdRefusal(next[rule.a], next[rule.b]);
        if (kind == IRiskEnvelope.RuleKind.Bonus) return bonusRefusal(next[rule.a], next[rule.b]);
        if (kind == IRiskEnvelope.RuleKind.Growth) return _growth(rule, previous, next, timestamp);
        if (kind == IRiskEnvelope.RuleKind.Sum) {
            uint256 sum = next[rule.a] + next[rule.b] + next[rule.c];
            if (sum > rule.high) return abi.encodeWithSelector(IRiskEnvelope.SumTooLarge.selector, rule.high, sum);
            return "";
        }
        if (kind == IRiskEnvelope.RuleKind.Kink) {
            uint256 kink = next[rule.a];
            if (kink >= KINK_MIN && kink <= KINK_MAX) return "";
            return abi.encodeWithSelector(IRiskEnvelope.KinkOutOfRange.selector, KINK_MIN, KINK_MAX, kink);
        }
        if (next[rule.a] <= next[rule.b]) return "";
        return abi.encodeWithSelector(IRiskEnvelope.NotOrdered.selector, rule.a, rule.b, next[rule.a], next[rule.b]);
    }

    function thresholdRefusal(uint256 ltv, uint256 lt) internal pure returns (bytes memory) {
        if (ltv > lt) return abi.encodeWithSelector(IRiskEnvelope.LtvAboveThreshold.selector, ltv, lt);
        if (lt >= ONE) return abi.encodeWithSelector(IRiskEnvelope.ThresholdNotBelowOne.selector, lt);
        return "";
    }

    function bonusRefusal(uint256 lt, uint256 lb) internal pure returns (bytes memory) {
        if (lt * (ONE + lb) <= ONE * ONE) return "";
        return abi.encodeWithSelector(IRiskEnvelope.BonusExceedsCollateral.selector, lt, lb);
    }

    /// @notice A ratio against the time at which it held: from (`ratio0`, `time0`) to (`ratio1`, `time1`) it grows by `low`
    /// to `high` basis points of `ratio0` a year. Ratios and times are below 2^65, rates below 2^64.
    function growthRefusal(uint256 low, uint256 high, uint256 ratio0, uint256 time0, uint256 ratio1, uint256 time1)
        internal
        pure
        returns (bytes memory)
    {
        if (ratio1 == ratio0 && time1 == time0) return "";
        if (time1 <= time0) return abi.encodeWithSelector(IRiskEnvelope.SnapshotNotLater.selector, time0, time1);
        uint256 elapsed = time1 - time0;
        uint256 grown = ratio1 > ratio0 ? (ratio1 - ratio0) * ONE * YEAR : 0;
        if (ratio1 < ratio0 || grown < low * ratio0 * elapsed) {
            return abi.encodeWithSelector(IRiskEnvelope.GrowthTooLow.selector, low, ratio0, ratio1, elapsed);
        }
        if (grown > high * ratio0 * elapsed) {
            return abi.encodeWithSelector(IRiskEnvelope.GrowthTooHigh.selector, high, ratio0, ratio1, elapsed);
        }
        return "";
    }

    /// @notice Whether going from `previous` to `value` is one of the ways that `moves` allows; standing still always is.
    function movesWithin(IRiskEnvelope.Direction moves, uint256 previous, uint256 value) internal pure returns (bool) {
        if (value == previous || moves == IRiskEnvelope.Direction.Both) return true;
        return moves == (value > previous ? IRiskEnvelope.Direction.Up : IRiskEnvelope.Direction.Down);
    }

    function distance(uint256 a, uint256 b) internal pure returns (uint256) {
        return a > b ? a - b : b - a;
    }

    /// @notice `limit × factorBps / 10,000`, rounded down (against whoever would move further), at most 2^64 - 1.
    function scaled(uint256 limit, uint256 factorBps) internal pure returns (uint256 result) {
        if (factorBps == ONE) return limit;
        result = limit * factorBps / ONE;
        if (result > type(uint64).max) result = type(uint64).max;
    }

    function _growth(
        IRiskEnvelope.Rule memory rule,
        uint256[] memory previous,
        uint256[] memory next,
        uint256 timestamp
    ) private pure returns (bytes memory) {
        uint256 time1 = next[rule.b];
        if (time1 + rule.extra > timestamp) {
            uint256 latest = timestamp > rule.extra ? timestamp - rule.extra : 0;
            return abi.encodeWithSelector(IRiskEnvelope.SnapshotTooRecent.selector, latest, time1);
        }
        if (previous.length == 0) return "";
        return growthRefusal(rule.low, rule.high, previous[rule.a], previous[rule.b], next[rule.a], time1);
    }
}
