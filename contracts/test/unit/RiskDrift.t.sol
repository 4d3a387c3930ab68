// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {RiskEnvelope} from "../../src/risk/RiskEnvelope.sol";
import {RiskBase} from "../RiskBase.sol";

/// @notice Drift budgets and the minimum delay, with the test in the risk oracle's place.
contract RiskDriftTest is RiskBase {
    uint256 internal constant FIELDS = 4;
    uint64 internal constant WEEK = 1_000;
    uint64 internal constant MONTH = 2_500;

    struct Change {
        uint256 time;
        uint256[FIELDS] by;
    }

    RiskEnvelope internal own;
    bytes32 internal key;
    uint256[] internal value;
    Change[] internal changes;

    function setUp() public override {
        super.setUp();
        own = new RiskEnvelope(address(this));
        own.bind(address(this));
        IRiskEnvelope.Limits memory limits;
        limits.fields = new IRiskEnvelope.FieldLimits[](FIELDS);
        for (uint256 i = 0; i < FIELDS; ++i) {
            limits.fields[i] = _field(0, 1_000_000, 400, WEEK, MONTH);
        }
        limits.holdBps = 15_000;
        own.setLimits(asset, "four", limits);
        own.setLimits(asset, TYPE, _limits3());
        key = own.keyOf(asset, "four");
        value = new uint256[](FIELDS);
        for (uint256 i = 0; i < FIELDS; ++i) {
            value[i] = 500_000;
        }
    }

    /// @dev Sum of the changes of one field since `from`, by definition.
    function _spent(uint256 field, uint256 from) internal view returns (uint256 sum) {
        for (uint256 i = changes.length; i > 0 && changes[i - 1].time >= from; --i) {
            sum += changes[i - 1].by[field];
        }
    }

    function _day(uint256 back) internal view returns (uint256) {
        return (block.timestamp / 1 days - back) * 1 days;
    }

    /// Twenty random updates with random pauses (up to five weeks): the sums are always those of whole days by definition, an
    /// update passes if and only if they allow it, and no window by the second is ever above its budget.
    function testFuzz_budgetsHoldForEverySlidingWindow(uint256 seed) public {
        for (uint256 n = 0; n < 20; ++n) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 pause = seed % 7 == 0 ? seed % (35 days) : seed % (2 days);
            vm.warp(block.timestamp + pause);
            _randomUpdate(seed >> 32);
            (uint256[] memory week, uint256[] memory month) = own.driftOf(key);
            for (uint256 i = 0; i < FIELDS; ++i) {
                assertEq(week[i], _spent(i, _day(7)));
                assertEq(month[i], _spent(i, _day(30)));
                assertLe(_spent(i, block.timestamp - 7 days), WEEK);
                assertLe(_spent(i, block.timestamp - 30 days), MONTH);
            }
        }
        assertGt(changes.length, 3);
    }

    function _randomUpdate(uint256 seed) internal {
        uint256[] memory next = new uint256[](FIELDS);
        Change memory change;
        change.time = block.timestamp;
        bool fits = true;
        for (uint256 i = 0; i < FIELDS; ++i) {
            uint256 step = (seed >> (32 * i)) % 401;
            if (step > 200) step = 0;
            bool up = (seed >> (32 * i + 16)) & 1 == 1;
            next[i] = up ? value[i] + step : value[i] - step;
            change.by[i] = step;
            if (step != 0) {
                fits = fits && _spent(i, _day(7)) + step <= WEEK && _spent(i, _day(30)) + step <= MONTH;
            }
        }
        (IRiskEnvelope.Verdict verdict,) = own.admit(key, value, next, false);
        assertEq(verdict == IRiskEnvelope.Verdict.Passed, fits);
        if (!fits) return;
        value = next;
        changes.push(change);
    }

    function _move(uint256 to, bool approved) internal returns (IRiskEnvelope.Verdict verdict, bytes memory reason) {
        uint256[] memory next = value;
        next[0] = to;
        (verdict, reason) = own.admit(key, value, next, approved);
        if (verdict == IRiskEnvelope.Verdict.Passed) value = next;
    }

    /// Going up and back down spends twice: a value cannot be walked away in steps that cancel out.
    function test_thereAndBackSpendsTwice() public {
        _move(500_400, false);
        _move(500_000, false);
        (uint256[] memory week,) = own.driftOf(key);
        assertEq(week[0], 800);
        (IRiskEnvelope.Verdict verdict, bytes memory reason) = _move(500_201, false);
        assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Held));
        assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.DriftExceeded.selector, 0, 7, 1_000, 1_001));
    }

    /// Past the budget: held up to one and a half of it, then rejected, approved or not; what is not released costs nothing.
    function testFuzz_budgetsAreHeldThenRejected(uint256 last) public {
        for (uint256 i = 1; i <= 3; ++i) {
            _move(500_000 + 300 * i, false);
        }
        last = bound(last, 0, 400);
        (IRiskEnvelope.Verdict verdict,) = _move(500_900 + last, false);
        assertEq(uint256(verdict), uint256(last <= 100 ? IRiskEnvelope.Verdict.Passed : IRiskEnvelope.Verdict.Held));
        if (last <= 100) return;
        (uint256[] memory week,) = own.driftOf(key);
        assertEq(week[0], 900);
        (verdict,) = _move(500_900 + last, true);
        assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Passed));
        uint256 rest = 600 - last;
        (verdict,) = _move(value[0] + (rest > 400 ? 400 : rest), true);
        assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Passed));
        rest = 1_500 - (value[0] - 500_000);
        bytes memory reason;
        (verdict, reason) = _move(value[0] + rest + 1, true);
        assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Rejected));
        assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.DriftExceeded.selector, 0, 7, 1_500, 1_501));
    }

    /// The 30 days' budget binds where each week's is kept.
    function test_theMonthBindsAfterTheWeeks() public {
        for (uint256 i = 0; i < 6; ++i) {
            (IRiskEnvelope.Verdict verdict,) = _move(value[0] + 400, false);
            assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Passed));
            vm.warp(block.timestamp + 4 days);
        }
        (IRiskEnvelope.Verdict last, bytes memory reason) = _move(value[0] + 101, false);
        assertEq(uint256(last), uint256(IRiskEnvelope.Verdict.Held));
        assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.DriftExceeded.selector, 0, 30, 2_500, 2_501));
        vm.warp(block.timestamp + 40 days);
        (last,) = _move(value[0] + 101, false);
        assertEq(uint256(last), uint256(IRiskEnvelope.Verdict.Passed));
    }

    // ------------------------------------------------------------------- delay

    function _admit3(uint256[] memory from, uint256[] memory to)
        internal
        returns (IRiskEnvelope.Verdict, bytes memory)
    {
        return own.admit(own.keyOf(asset, TYPE), from, to, false);
    }

    function testFuzz_theDelayHolds(uint64 wait, uint256 lt) public {
        _admit3(none, _vector(6_500, 7_200, 500));
        wait = uint64(bound(wait, 0, 2 * MIN_DELAY));
        lt = bound(lt, 7_000, 7_400);
        vm.warp(START + wait);
        (IRiskEnvelope.Verdict verdict, bytes memory reason) =
            _admit3(_vector(6_500, 7_200, 500), _vector(6_500, lt, 500));
        if (wait >= MIN_DELAY) {
            assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Passed));
            assertEq(own.delayedFrom(own.keyOf(asset, TYPE)), block.timestamp);
        } else {
            assertEq(uint256(verdict), uint256(IRiskEnvelope.Verdict.Rejected));
            assertEq(reason, abi.encodeWithSelector(IRiskEnvelope.TooSoon.selector, START + MIN_DELAY, block.timestamp));
        }
    }

    /// Loan-to-value may tighten at once, on its own only, and makes nobody else wait; drift is charged all the same.
    function testFuzz_onlyALowerLtvSkipsTheDelay(uint256 ltv, uint256 lt, uint256 lb) public {
        bytes32 key3 = own.keyOf(asset, TYPE);
        _admit3(none, _vector(6_500, 7_200, 500));
        vm.warp(START + 60);
        ltv = bound(ltv, 6_200, 6_800);
        lt = bound(lt, 7_199, 7_201);
        lb = bound(lb, 499, 501);
        (IRiskEnvelope.Verdict verdict,) = _admit3(_vector(6_500, 7_200, 500), _vector(ltv, lt, lb));
        bool free = ltv < 6_500 && lt == 7_200 && lb == 500;
        assertEq(verdict == IRiskEnvelope.Verdict.Passed, free);
        assertEq(own.delayedFrom(key3), START);
        (uint256[] memory week,) = own.driftOf(key3);
        assertEq(week[0], free ? 6_500 - ltv : 0);
    }
}
