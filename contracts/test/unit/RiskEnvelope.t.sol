// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskEnvelope} from "../../src/interfaces/IRiskOracle.sol";
import {RiskBase} from "../RiskBase.sol";

contract RiskEnvelopeTest is RiskBase {
    uint256[] internal none;

    function _check(uint256[] memory previous, uint256[] memory next) internal view {
        envelope.check(asset, TYPE, previous, next, 0);
    }

    function _refused(uint256[] memory previous, uint256[] memory next, bytes memory reason) internal {
        vm.expectRevert(reason);
        envelope.check(asset, TYPE, previous, next, 0);
    }

    /// Whatever passes keeps every rule; written out here once more, without the contract's arithmetic.
    function testFuzz_whatPassesKeepsAllRules(uint256 ltv, uint256 lt, uint256 lb) public view {
        ltv = bound(ltv, 2_900, 9_100);
        lt = bound(lt, 3_900, 10_000);
        lb = bound(lb, 50, 2_100);
        try envelope.check(asset, TYPE, none, _vector(ltv, lt, lb), 0) {
            assertTrue(ltv >= 3_000 && ltv <= 9_000 && lt >= 4_000 && lt <= 9_900 && lb >= 100 && lb <= 2_000);
            assertTrue(ltv <= lt && lt < 10_000);
            assertLe(lt * (10_000 + lb), 100_000_000);
        } catch {
            bool good = ltv >= 3_000 && ltv <= 9_000 && lt >= 4_000 && lt <= 9_900 && lb >= 100 && lb <= 2_000
                && ltv <= lt && lt * (10_000 + lb) <= 100_000_000;
            assertFalse(good);
        }
    }

    function testFuzz_refusesBelowMin(uint256 value) public {
        value = bound(value, 0, 2_999);
        _refused(
            none, _vector(value, 7_200, 500), abi.encodeWithSelector(IRiskEnvelope.BelowMin.selector, 0, 3_000, value)
        );
    }

    /// Sentinels such as "keep the current value" are far above any maximum.
    function testFuzz_refusesAboveMaxAndSentinels(uint256 value) public {
        value = bound(value, 9_901, type(uint256).max);
        _refused(
            none, _vector(6_500, value, 500), abi.encodeWithSelector(IRiskEnvelope.AboveMax.selector, 1, 9_900, value)
        );
        _refused(
            none,
            _vector(6_500, type(uint256).max, 500),
            abi.encodeWithSelector(IRiskEnvelope.AboveMax.selector, 1, 9_900, type(uint256).max)
        );
    }

    function testFuzz_refusesStep(uint256 from, uint256 step, bool down) public {
        step = bound(step, 201, 1_000);
        from = down ? bound(from, 100 + step, 2_000) : bound(from, 100, 2_000 - step);
        uint256 to = down ? from - step : from + step;
        _refused(
            _vector(6_500, 7_200, from),
            _vector(6_500, 7_200, to),
            abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 2, 200, step)
        );
    }

    function test_acceptsTheWholeStep() public view {
        _check(_vector(6_500, 7_200, 500), _vector(6_800, 7_500, 300));
    }

    function testFuzz_refusesLtvAboveThreshold(uint256 ltv, uint256 lt) public {
        lt = bound(lt, 4_000, 8_000);
        ltv = bound(ltv, lt + 1, 9_000);
        _refused(none, _vector(ltv, lt, 500), abi.encodeWithSelector(IRiskEnvelope.LtvAboveThreshold.selector, ltv, lt));
    }

    function testFuzz_refusesBonusBeyondCollateral(uint256 lt, uint256 lb) public {
        lb = bound(lb, 200, 2_000);
        lt = bound(lt, uint256(100_000_000) / (10_000 + lb) + 1, 9_900);
        _refused(
            none, _vector(6_000, lt, lb), abi.encodeWithSelector(IRiskEnvelope.BonusExceedsCollateral.selector, lt, lb)
        );
    }

    function test_refusesThresholdOfOne() public {
        IRiskEnvelope.FieldLimits[] memory limits = _limits3();
        limits[1].max = 20_000;
        limits[2].min = 0;
        vm.prank(owner);
        envelope.setLimits(asset, "loose", limits, 0, IRiskEnvelope.JointRule.Lending);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.ThresholdNotBelowOne.selector, 10_000));
        envelope.check(asset, "loose", none, _vector(6_500, 10_000, 0), 0);
    }

    function testFuzz_refusesTooSoon(uint64 wait) public {
        wait = uint64(bound(wait, 0, MIN_DELAY - 1));
        vm.warp(START + wait);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.TooSoon.selector, START + MIN_DELAY, block.timestamp));
        envelope.check(asset, TYPE, none, _vector(6_500, 7_200, 500), START);
        vm.warp(START + MIN_DELAY);
        envelope.check(asset, TYPE, none, _vector(6_500, 7_200, 500), START);
    }

    function testFuzz_refusesFieldCount(uint8 count) public {
        vm.assume(count != 3);
        _refused(none, new uint256[](count), abi.encodeWithSelector(IRiskEnvelope.FieldCount.selector, 3, count));
        vm.assume(count != 0);
        _refused(
            new uint256[](count),
            _vector(6_500, 7_200, 500),
            abi.encodeWithSelector(IRiskEnvelope.FieldCount.selector, 3, count)
        );
    }

    function testFuzz_refusesWithoutLimits(address market) public {
        vm.assume(market != asset);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.LimitsUnknown.selector, market, TYPE));
        envelope.check(market, TYPE, none, _vector(6_500, 7_200, 500), 0);
    }

    function test_limitsAreSetOnce() public {
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.LimitsAlreadySet.selector, asset, TYPE));
        vm.prank(owner);
        envelope.setLimits(asset, TYPE, _limits3(), 0, IRiskEnvelope.JointRule.None);
    }

    function test_refusesBadLimits() public {
        IRiskEnvelope.FieldLimits[] memory limits = _limits3();
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.FieldCount.selector, 1, 0));
        envelope.setLimits(asset, "x", new IRiskEnvelope.FieldLimits[](0), 0, IRiskEnvelope.JointRule.None);
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.FieldCount.selector, 3, 2));
        envelope.setLimits(asset, "x", new IRiskEnvelope.FieldLimits[](2), 0, IRiskEnvelope.JointRule.Lending);
        limits[1].min = limits[1].max + 1;
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.BadLimits.selector, 1));
        envelope.setLimits(asset, "x", limits, 0, IRiskEnvelope.JointRule.Lending);
        limits = _limits3();
        limits[2].max = type(uint64).max;
        vm.expectRevert(abi.encodeWithSelector(IRiskEnvelope.BadLimits.selector, 2));
        envelope.setLimits(asset, "x", limits, 0, IRiskEnvelope.JointRule.Lending);
    }

    function testFuzz_onlyTheOwnerSetsLimits(address caller) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        envelope.setLimits(asset, "x", _limits3(), 0, IRiskEnvelope.JointRule.None);
    }
}
