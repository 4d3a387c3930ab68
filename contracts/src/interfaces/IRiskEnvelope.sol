// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IRiskEnvelope
/// @notice Decides whether a vector may be released. It passes a vector whole, holds it for a guardian, or rejects it; it
/// never clamps a field, because a clamped field next to one that is not makes a pair that nobody computed.
/// @dev Limits of a (market, type) are set once and never change: what a reader has reviewed stays what it is. New limits are
/// a new update type, which reaches only those that start to read it. Only one risk oracle, named once, moves the drift state.
///
/// Hard, no guardian can pass them: absolute bounds, directions, the minimum delay, joint rules, values from 2^64 on (such as
/// `type(uint256).max - 42`, "keep current"), and soft limits times `holdBps`. Soft, a guardian can: steps and drift budgets.
interface IRiskEnvelope {
    /// @notice Passed: may be released. Held: keeps every hard limit but not every soft one. Rejected: breaks a hard one.
    enum Verdict {
        Rejected,
        Held,
        Passed
    }

    /// @notice Ways in which a field may move.
    enum Direction {
        None,
        Up,
        Down,
        Both
    }

    /// @notice Limits of one field, in the field's own unit (basis points, a ratio's unit, seconds).
    /// @param min least value, inclusive. Hard.
    /// @param max greatest value, inclusive; less than 2^63, so that no sentinel passes, whole or cut to 64 bits. Hard.
    /// @param maxStep greatest absolute change in one update; 0: the field cannot move. Soft.
    /// @param weekBudget greatest sum of absolute changes in any 7 days. Soft.
    /// @param monthBudget greatest sum of absolute changes in any 30 days. Soft.
    /// @param maxStepBps greatest change in one update, in basis points of the value before, exact (nothing is rounded);
    /// 2^32 - 1: not looked at. A field that may be 0 wants no such limit: from 0 it could not move. Soft.
    /// @param moves the ways in which the field may move. Hard.
    /// @param delayFree a way in which it may move before the minimum delay is over: Up, Down or None.
    struct FieldLimits {
        uint64 min;
        uint64 max;
        uint64 maxStep;
        uint64 weekBudget;
        uint64 monthBudget;
        uint32 maxStepBps;
        Direction moves;
        Direction delayFree;
    }

    /// @notice Rules over several fields; `v` is the vector after the update, `one` is 10,000 basis points.
    /// - Threshold: v[a] <= v[b] < one. `a` is a loan-to-value, `b` a liquidation threshold: `b` is never delay-free.
    /// - Bonus: v[a] × (one + v[b]) <= one². `a` is a liquidation threshold (never delay-free), `b` a bonus without the 100 %.
    /// - Ordered: v[a] <= v[b]; the slopes of a rate curve.
    /// - Sum: v[a] + v[b] + v[c] <= high; base rate and slopes.
    /// - Kink: 100 <= v[a] <= 9,900; the optimal utilisation, 1 to 99 %.
    /// - Growth: `a` is a ratio, `b` the time at which it held. From the pair before to the new one the ratio grows by `low`
    ///   to `high` basis points of the old ratio a year (simple, not compounded; exact). A changed pair has a later time;
    ///   the time is at least `extra` seconds past. Without a pair before, only the last is looked at.
    enum RuleKind {
        Threshold,
        Bonus,
        Ordered,
        Sum,
        Kink,
        Growth
    }

    /// @notice One joint rule. Hard. What a kind does not name is not looked at.
    struct Rule {
        RuleKind kind;
        uint8 a;
        uint8 b;
        uint8 c;
        uint64 low;
        uint64 high;
        uint64 extra;
    }

    /// @notice All limits of one (market, type).
    /// @param minDelay seconds between releases. An update in which every field that changes moves in its delay-free way
    /// neither waits nor makes others wait. Hard.
    /// @param holdBps how far past a soft limit an update is held rather than rejected, 10,000 (not at all) to 30,000
    /// (three times): a guardian's mistake is bounded by that factor.
    struct Limits {
        FieldLimits[] fields;
        Rule[] rules;
        uint64 minDelay;
        uint32 holdBps;
    }

    event LimitsSet(bytes32 indexed key, address indexed market, string updateType, Limits limits);
    event Bound(address indexed riskOracle);

    error NotRiskOracle(address expected, address got);
    error AlreadyBound(address riskOracle);
    error ZeroAddress();
    error LimitsUnknown(bytes32 key);
    error LimitsAlreadySet(bytes32 key);
    error BadLimits(uint256 index);
    error BadRule(uint256 index);
    error BadHoldFactor(uint256 got);
    /// @notice A liquidation threshold was to be delay-free, or a loan-to-value upwards.
    error MayNotSkip(uint256 index);

    // Why a vector is held or rejected; in verdicts these come ABI-encoded.

    error FieldCount(uint256 expected, uint256 got);
    error SentinelRefused(uint256 index, uint256 got);
    error BelowMin(uint256 index, uint256 min, uint256 got);
    error AboveMax(uint256 index, uint256 max, uint256 got);
    error DirectionRefused(uint256 index, uint256 previous, uint256 got);
    error StepTooLarge(uint256 index, uint256 maxStep, uint256 got);
    error RelativeStepTooLarge(uint256 index, uint256 maxStepBps, uint256 previous, uint256 got);
    /// @param dayCount 7 or 30.
    /// @param got sum of absolute changes with this one.
    error DriftExceeded(uint256 index, uint256 dayCount, uint256 budget, uint256 got);
    error TooSoon(uint256 earliest, uint256 timestamp);
    error LtvAboveThreshold(uint256 ltv, uint256 lt);
    error ThresholdNotBelowOne(uint256 lt);
    /// @notice A liquidation would cost more than the collateral: `LT × (1 + LB) > 100 %`.
    error BonusExceedsCollateral(uint256 lt, uint256 lb);
    error NotOrdered(uint256 a, uint256 b, uint256 valueA, uint256 valueB);
    error SumTooLarge(uint256 max, uint256 got);
    error KinkOutOfRange(uint256 min, uint256 max, uint256 got);
    /// @notice The snapshot is younger than the rule wants, or of the future.
    error SnapshotTooRecent(uint256 latest, uint256 got);
    /// @notice The pair changed, but not to a later time.
    error SnapshotNotLater(uint256 previous, uint256 got);
    /// @notice Growth of the ratio in those seconds is below `low` basis points a year.
    error GrowthTooLow(uint256 low, uint256 previousRatio, uint256 ratio, uint256 elapsed);
    /// @notice Growth of the ratio in those seconds is above `high` basis points a year.
    error GrowthTooHigh(uint256 high, uint256 previousRatio, uint256 ratio, uint256 elapsed);

    /// @notice Owner, once: the only contract that may call `admit`.
    function bind(address riskOracle) external;

    /// @notice Owner, once for each (market, type): at most 16 fields and 16 rules.
    function setLimits(address market, string calldata updateType, Limits calldata limits) external;

    /// @notice The risk oracle: decides, and if the verdict is Passed charges the drift budgets and restarts the delay. Any
    /// other verdict changes nothing.
    /// @param key `keyOf(market, type)`.
    /// @param previous last released vector (or the seed); empty: steps, drift and growth are not looked at.
    /// @param approved a guardian stands by a held vector: soft limits count times `holdBps`.
    /// @return verdict what may be done with the vector.
    /// @return reason why not Passed: one of the errors above, ABI-encoded; empty if Passed.
    function admit(bytes32 key, uint256[] calldata previous, uint256[] calldata next, bool approved)
        external
        returns (Verdict verdict, bytes memory reason);

    /// @notice What `admit` would say in this block, for anyone.
    function preview(bytes32 key, uint256[] calldata previous, uint256[] calldata next, bool approved)
        external
        view
        returns (Verdict verdict, bytes memory reason);

    /// @notice Whether `next` may replace `live`, a protocol's present value: everything but delay and drift, which are about
    /// releases and not about the protocol. For injectors.
    /// @return reason empty if it may.
    function recheck(bytes32 key, uint256[] calldata live, uint256[] calldata next, bool approved)
        external
        view
        returns (bytes memory reason);

    /// @notice Limits of (market, type); reverts with `LimitsUnknown`.
    function limitsOf(address market, string calldata updateType) external view returns (Limits memory);

    /// @notice Number of fields; 0 if there are no limits for this key.
    function fieldCount(bytes32 key) external view returns (uint256);

    /// @notice What the fields have drifted so far, charged by whole days of UTC: `week` counts today and the 7 days before,
    /// `month` today and the 30 before, so never less than any 7 or 30 days by the second.
    function driftOf(bytes32 key) external view returns (uint256[] memory week, uint256[] memory month);

    /// @notice Block time of the last release that restarted the delay; 0 if there is none.
    function delayedFrom(bytes32 key) external view returns (uint64);

    /// @notice `keccak256(abi.encode(market, updateType))`.
    function keyOf(address market, string calldata updateType) external pure returns (bytes32);

    /// @notice The contract named in `bind`; 0 before.
    function riskOracle() external view returns (address);
}
