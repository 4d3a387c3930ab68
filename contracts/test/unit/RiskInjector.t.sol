// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RiskInjector} from "../../src/adapters/RiskInjector.sol";
import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {IRiskInjector} from "../../src/interfaces/IRiskInjector.sol";
import {RiskBase} from "../RiskBase.sol";
import {MockPool, PoolTarget} from "../mocks/Pool.sol";

contract RiskInjectorTest is RiskBase {
    uint64 internal constant TTL = 6 hours;

    MockPool internal pool;
    PoolTarget internal target;
    RiskInjector internal injector;

    function setUp() public override {
        super.setUp();
        pool = new MockPool();
        target = new PoolTarget(pool);
        injector = new RiskInjector(owner, riskGuardian, risk, target, TYPE, TTL);
        target.setInjector(address(injector));
        pool.setRiskAdmin(address(target));
        pool.overrule(asset, 6_500, 7_200, 10_500);
        vm.prank(owner);
        injector.allowMarket(asset, true);
    }

    function _assertPool(uint256 ltv, uint256 lt, uint256 lb) internal view {
        (uint256 poolLtv, uint256 poolLt, uint256 poolBonus,) = pool.reserves(asset);
        assertEq(abi.encode(poolLtv, poolLt, poolBonus), abi.encode(ltv, lt, lb + 10_000));
    }

    /// `canInject` and `inject` agree on why not, and nothing is set.
    function _refuses(bytes memory why) internal {
        (uint256 ltv, uint256 lt, uint256 bonus,) = pool.reserves(asset);
        (bool ok, bytes memory reason) = injector.canInject(asset);
        assertFalse(ok);
        assertEq(reason, why);
        (bool needed,) = injector.checkUpkeep(abi.encode(asset));
        assertFalse(needed);
        vm.expectRevert(why);
        injector.inject(asset);
        _assertPool(ltv, lt, bonus - 10_000);
    }

    function testFuzz_anyoneInjectsTheWholeVectorOnce(address caller, uint16 ltv, uint16 lt, uint16 lb) public {
        uint256[] memory values = _vector(bound(ltv, 6_200, 6_800), bound(lt, 6_900, 7_500), bound(lb, 300, 700));
        _release([int64(uint64(values[0])), int64(uint64(values[1])), int64(uint64(values[2]))]);
        (bool ok,) = injector.canInject(asset);
        assertTrue(ok);
        vm.expectEmit(address(injector));
        emit IRiskInjector.Injected(asset, 1, _vector(6_500, 7_200, 500), values);
        vm.prank(caller);
        assertEq(injector.inject(asset), 1);
        _assertPool(values[0], values[1], values[2]);
        assertEq(injector.injectedId(asset), 1);
        _refuses(abi.encodeWithSelector(IRiskInjector.AlreadyInjected.selector, 1));
    }

    function test_worksAsAnUpkeep() public {
        _release([int64(6_600), 7_300, 500]);
        (bool needed, bytes memory data) = injector.checkUpkeep(abi.encode(asset));
        assertTrue(needed);
        injector.performUpkeep(data);
        _assertPool(6_600, 7_300, 500);
    }

    function test_refusesBeforeAnyRelease() public {
        _refuses(abi.encodeWithSelector(IRiskInjector.NothingReleased.selector, asset));
    }

    function testFuzz_refusesMarketsThatAreNotAllowed(address market) public {
        vm.assume(market != asset);
        bytes memory why = abi.encodeWithSelector(IRiskInjector.MarketNotAllowed.selector, market);
        vm.expectRevert(why);
        injector.inject(market);
        vm.prank(owner);
        injector.allowMarket(asset, false);
        _release([int64(6_600), 7_300, 500]);
        _refuses(abi.encodeWithSelector(IRiskInjector.MarketNotAllowed.selector, asset));
    }

    function testFuzz_refusesExpiredUpdates(uint64 wait) public {
        _release([int64(6_600), 7_300, 500]);
        wait = uint64(bound(wait, START, START + 2 * TTL));
        vm.warp(wait);
        if (wait > START + TTL) {
            _refuses(abi.encodeWithSelector(IRiskInjector.UpdateExpired.selector, START + TTL, wait));
        } else {
            injector.inject(asset);
        }
    }

    function test_theGuardianPausesAndDisables() public {
        _release([int64(6_600), 7_300, 500]);
        vm.startPrank(riskGuardian);
        injector.setPaused(true);
        vm.stopPrank();
        _refuses(abi.encodeWithSelector(IRiskInjector.InjectionPaused.selector));
        vm.startPrank(riskGuardian);
        injector.setPaused(false);
        injector.disableUpdate(1, true);
        vm.stopPrank();
        _refuses(abi.encodeWithSelector(IRiskInjector.DisabledUpdate.selector, 1));
        vm.prank(riskGuardian);
        injector.disableUpdate(1, false);
        injector.inject(asset);
        _assertPool(6_600, 7_300, 500);
    }

    /// The step is measured from what the protocol uses now, not from the last release.
    function testFuzz_refusesAStepFromTheLiveValue(uint256 live) public {
        live = bound(live, 5_000, 8_500);
        _release([int64(6_500), 7_300, 500]);
        pool.overrule(asset, 5_000, live, 10_500);
        uint256 ltvStep = 6_500 - 5_000;
        bytes memory reason = abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 0, 300, ltvStep);
        _refuses(abi.encodeWithSelector(IRiskInjector.EnvelopeRefused.selector, reason));
        pool.overrule(asset, 6_500, live, 10_500);
        uint256 step = live > 7_300 ? live - 7_300 : 7_300 - live;
        if (step > 300) {
            reason = abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 1, 300, step);
            _refuses(abi.encodeWithSelector(IRiskInjector.EnvelopeRefused.selector, reason));
        } else {
            injector.inject(asset);
            _assertPool(6_500, 7_300, 500);
        }
    }

    /// What a guardian approved may take the step that was approved, and no more.
    function testFuzz_approvedUpdatesMayTakeTheirStep(uint256 live) public {
        bytes32 id = _release([int64(6_000), 7_200, 500]);
        vm.prank(riskGuardian);
        risk.approve(asset, TYPE, id);
        live = bound(live, 6_300, 7_000);
        pool.overrule(asset, live, 7_200, 10_500);
        if (live > 6_600) {
            bytes memory reason = abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 0, 600, live - 6_000);
            _refuses(abi.encodeWithSelector(IRiskInjector.EnvelopeRefused.selector, reason));
        } else {
            injector.inject(asset);
            _assertPool(6_000, 7_200, 500);
        }
    }

    function test_refusesWhatTheProtocolRefuses() public {
        _release([int64(6_600), 7_300, 500]);
        pool.setFrozen(asset, true);
        bytes memory reason = abi.encodeWithSelector(PoolTarget.ReserveFrozen.selector, asset);
        _refuses(abi.encodeWithSelector(IRiskInjector.TargetRefused.selector, reason));
        pool.setFrozen(asset, false);
        injector.inject(asset);
    }

    /// An adapter that sets something else, or nothing, undoes the whole injection.
    function test_checksWhatWasSet() public {
        _release([int64(6_600), 7_300, 500]);
        target.setWay(PoolTarget.Way.Lying);
        vm.expectRevert(abi.encodeWithSelector(IRiskInjector.NotSet.selector, 0, 6_600, 6_601));
        injector.inject(asset);
        target.setWay(PoolTarget.Way.Reverting);
        vm.expectRevert(PoolTarget.Broken.selector);
        injector.inject(asset);
        _assertPool(6_500, 7_200, 500);
        assertEq(injector.injectedId(asset), 0);
        target.setWay(PoolTarget.Way.Honest);
        injector.inject(asset);
    }

    /// An older release is never taken, even where the newest cannot be.
    function test_takesTheNewestOnly() public {
        _release([int64(6_600), 7_300, 500]);
        vm.warp(START + MIN_DELAY + 60);
        _release([int64(6_700), 7_400, 500]);
        assertEq(injector.inject(asset), 2);
        _assertPool(6_700, 7_400, 500);
    }

    // ------------------------------------------------------------------- roles

    function testFuzz_onlyTheOwnerAllows(address caller) public {
        vm.assume(caller != owner);
        vm.startPrank(caller);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        injector.allowMarket(asset, true);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        injector.setGuardian(caller);
    }

    function testFuzz_onlyTheGuardianStops(address caller) public {
        vm.assume(caller != riskGuardian);
        vm.startPrank(caller);
        vm.expectRevert(abi.encodeWithSelector(IRiskInjector.NotGuardian.selector, riskGuardian, caller));
        injector.setPaused(true);
        vm.expectRevert(abi.encodeWithSelector(IRiskInjector.NotGuardian.selector, riskGuardian, caller));
        injector.disableUpdate(1, true);
    }

    /// Neither owner nor guardian nor anyone else writes a value past the injector.
    function testFuzz_nobodyElseSetsValues(address caller) public {
        vm.assume(caller != address(injector));
        vm.expectRevert(abi.encodeWithSelector(PoolTarget.NotInjector.selector, address(injector), caller));
        vm.prank(caller);
        target.set(asset, _vector(6_600, 7_300, 500));
    }

    function test_refusesNoTimeToLive() public {
        vm.expectRevert(IRiskInjector.ZeroTimeToLive.selector);
        new RiskInjector(owner, riskGuardian, risk, target, TYPE, 0);
    }

    function test_theOwnerNamesTheGuardian() public {
        vm.expectEmit(address(injector));
        emit IRiskInjector.GuardianSet(user);
        vm.prank(owner);
        injector.setGuardian(user);
        assertEq(injector.guardian(), user);
    }
}
