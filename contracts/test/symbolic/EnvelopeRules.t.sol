// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Test} from "forge-std/Test.sol";

import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {DriftBudget} from "../../src/risk/DriftBudget.sol";
import {EnvelopeRules} from "../../src/risk/EnvelopeRules.sol";

/// @notice The envelope's arithmetic for all inputs: `halmos --contract EnvelopeRulesSymbolic` runs every `check_` (halmos 0.3.3
/// with the solvers that it brings). The same functions run as fuzz tests under forge, and with them two properties that those
/// solvers do not decide: scaling by a variable factor, and the ring of days.
contract EnvelopeRulesSymbolic is Test {
    using DriftBudget for DriftBudget.Group;

    mapping(uint256 => mapping(uint256 => DriftBudget.Group)) internal groups;

    function _field(uint64 min, uint64 max, uint64 maxStep, uint8 moves)
        internal
        pure
        returns (IRiskEnvelope.FieldLimits memory field)
    {
        (field.min, field.max, field.maxStep) = (min, max, maxStep);
        field.maxStepBps = type(uint32).max;
        field.moves = IRiskEnvelope.Direction(moves % 4);
    }

    /// Any 256-bit word: passes iff it lies within the bounds; nothing from 2^64 on ever does.
    function check_bounds(uint64 min, uint64 max, uint256 value) public pure {
        bool passes = EnvelopeRules.boundsRefusal(_field(min, max, 0, 0), 0, value).length == 0;
        assert(passes == (value >= min && value <= max));
    }

    /// Any two 256-bit words: passes iff they are no further apart than the step, and never overflows.
    function check_step(uint64 maxStep, uint256 previous, uint256 value) public pure {
        bool passes = EnvelopeRules.stepRefusal(_field(0, 0, maxStep, 0), 0, previous, value, 10_000).length == 0;
        assert(passes == (previous > value ? previous - value <= maxStep : value - previous <= maxStep));
    }

    /// A step within the soft limit is within the hard one.
    function _softIsWithinHard(uint64 limit, uint16 factor) internal pure {
        vm.assume(factor >= 10_000 && factor <= 30_000);
        uint256 hard = EnvelopeRules.scaled(limit, factor);
        assert(hard >= limit && hard <= type(uint64).max);
    }

    function check_direction(uint8 moves, uint64 previous, uint64 value) public pure {
        IRiskEnvelope.Direction way = IRiskEnvelope.Direction(moves % 4);
        bool passes = EnvelopeRules.movesWithin(way, previous, value);
        if (value == previous) assert(passes);
        if (value > previous) assert(passes == (moves % 4 == 1 || moves % 4 == 3));
        if (value < previous) assert(passes == (moves % 4 == 2 || moves % 4 == 3));
    }

    function check_threshold(uint256 ltv, uint256 lt) public pure {
        assert((EnvelopeRules.thresholdRefusal(ltv, lt).length == 0) == (ltv <= lt && lt < 10_000));
    }

    /// A liquidation that passes leaves no more owed than there is: LT × (1 + LB) <= 1, for values below 2^64.
    function check_bonus(uint64 lt, uint64 lb) public pure {
        vm.assume(lt != 0);
        bool passes = EnvelopeRules.bonusRefusal(lt, lb).length == 0;
        if (passes) assert(lt <= 10_000);
        if (lt > 10_000) assert(!passes);
    }

    /// For all values that bounds and steps let through: never overflows, and a pair that passes is one of three kinds.
    function check_growth(uint64 low, uint64 high, uint64 ratio0, uint64 time0, uint64 ratio1, uint64 time1)
        public
        pure
    {
        vm.assume(low <= high);
        bool passes = EnvelopeRules.growthRefusal(low, high, ratio0, time0, ratio1, time1).length == 0;
        if (ratio0 == ratio1 && time0 == time1) assert(passes);
        else if (passes) assert(time1 > time0 && ratio1 >= ratio0);
    }

    /// The time alone never moves on its own where some growth is asked for.
    function check_aTimeNeverMovesAlone(uint64 low, uint64 high, uint64 ratio, uint64 time0, uint64 time1) public pure {
        vm.assume(low > 0 && ratio > 0 && time0 != time1);
        assert(EnvelopeRules.growthRefusal(low, high, ratio, time0, ratio, time1).length != 0);
    }

    /// Two charges of any size, and a look at them later; the days are those around which something enters or leaves: each sum
    /// holds exactly those charges that lie within its days.
    function _driftOfTwoCharges(uint32 first, uint32 second) internal {
        uint8[9] memory gaps = [0, 1, 6, 7, 8, 29, 30, 31, 32];
        for (uint256 i = 0; i < gaps.length; ++i) {
            for (uint256 j = 0; j < gaps.length; ++j) {
                _twoCharges(groups[i][j], gaps[i], gaps[j], first, second);
            }
        }
    }

    function _twoCharges(DriftBudget.Group storage group, uint256 apart, uint256 later, uint32 first, uint32 second)
        internal
    {
        uint256 day = 20_000;
        uint256[3] memory change;
        change[1] = first;
        group.store(day, group.load(day), change);
        day += apart;
        change[1] = second;
        group.store(day, group.load(day), change);
        DriftBudget.Sums memory sums = group.load(day + later);
        uint256 since = apart + later;
        assert(sums.week[1] == (since <= 7 ? first : 0) + (later <= 7 ? uint256(second) : 0));
        assert(sums.month[1] == (since <= 30 ? first : 0) + (later <= 30 ? uint256(second) : 0));
        assert(sums.week[0] == 0 && sums.month[2] == 0);
    }

    // ------------------------------------------------------------ under forge

    function testFuzz_bounds(uint64 min, uint64 max, uint256 value) public pure {
        check_bounds(min, max, value);
        check_bounds(min, max, uint64(value));
    }

    function testFuzz_step(uint64 maxStep, uint256 previous, uint256 value, uint64 near) public pure {
        check_step(maxStep, previous, value);
        check_step(maxStep, previous, previous > near ? previous - near : previous + near);
    }

    function testFuzz_softIsWithinHard(uint64 limit, uint16 factor) public pure {
        _softIsWithinHard(limit, uint16(bound(factor, 10_000, 30_000)));
    }

    function testFuzz_direction(uint8 moves, uint64 previous, uint64 value) public pure {
        check_direction(moves, previous, value);
        check_direction(moves, previous, previous);
    }

    function testFuzz_threshold(uint256 ltv, uint256 lt) public pure {
        check_threshold(ltv, lt);
        check_threshold(ltv % 11_000, lt % 11_000);
    }

    function testFuzz_bonus(uint64 lt, uint64 lb) public pure {
        check_bonus(uint64(bound(lt, 1, 11_000)), lb % 3_000);
    }

    function testFuzz_growth(uint64 low, uint64 high, uint64 ratio0, uint64 time0, uint64 ratio1, uint64 time1)
        public
        pure
    {
        (low, high) = low <= high ? (low, high) : (high, low);
        check_growth(low, high, ratio0, time0, ratio1, time1);
        check_growth(low % 500, 500 + high % 500, ratio0, time0 >> 32, ratio1, time1 >> 32);
    }

    function testFuzz_aTimeNeverMovesAlone(uint64 low, uint64 high, uint64 ratio, uint64 time0, uint64 time1)
        public
        pure
    {
        vm.assume(low > 0 && ratio > 0 && time0 != time1);
        check_aTimeNeverMovesAlone(low, high, ratio, time0, time1);
    }

    function test_driftOfTwoChargesAroundEveryEdge() public {
        _driftOfTwoCharges(3, type(uint32).max);
    }

    /// Any two days, by fuzzing.
    function testFuzz_driftOfTwoDays(uint8 apart, uint8 later, uint32 first, uint32 second) public {
        _twoCharges(groups[0][0], apart % 70, later % 70, first, second);
    }
}
