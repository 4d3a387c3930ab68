// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IRiskEnvelope} from "../../src/interfaces/IRiskEnvelope.sol";
import {IDodonaRiskOracle} from "../../src/interfaces/IRiskOracle.sol";
import {IRiskSource} from "../../src/interfaces/IRiskSource.sol";
import {RiskBase} from "../RiskBase.sol";

/// @notice What the envelope holds: the guardian's approval and its limits.
contract RiskHeldTest is RiskBase {
    function _approve(bytes32 id) internal returns (uint256) {
        vm.prank(riskGuardian);
        return risk.approve(asset, TYPE, id);
    }

    function _heldId() internal view returns (bytes32) {
        return risk.heldOf(asset, TYPE).requestId;
    }

    /// @dev Steps of 301 to 600 are held.
    function _hold() internal returns (bytes32 id) {
        id = _deliver(_vector(6_100, 7_200, 500));
        assertEq(_heldId(), id);
    }

    function testFuzz_aStepPastItsLimitIsHeldAndReleasedByTheGuardian(uint256 step) public {
        step = bound(step, 301, 600);
        bytes32 id = _askRisk(DIRECT);
        uint256[] memory values = _vector(6_500 - step, 7_200, 500);
        Delivery memory d = _proven(id, DIRECT, [int64(uint64(6_500 - step)), 7_200, 500], true, true);
        vm.expectEmit(address(risk));
        emit IDodonaRiskOracle.UpdateHeld(
            id, asset, TYPE, values, abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 0, 300, step)
        );
        _fulfil(d);
        assertEq(risk.updateCounter(), 0);
        IDodonaRiskOracle.HeldUpdate memory held = risk.heldOf(asset, TYPE);
        assertEq(held.values, values);
        assertEq(held.observedAt, START / PERIOD * PERIOD);
        assertEq(held.expiresAt, held.observedAt + MAX_HELD_AGE);
        assertEq(held.verifierVersion, directVersion);
        vm.warp(START + 1 hours);
        vm.expectEmit(address(risk));
        emit IDodonaRiskOracle.HeldApproved(id, riskGuardian, 1);
        assertEq(_approve(id), 1);
        assertEq(_latest(), values);
        assertEq(risk.getUpdateById(1).timestamp, START + 1 hours);
        assertTrue(risk.provenanceOf(1).approved);
        assertEq(_heldId(), 0);
        (uint256[] memory week,) = envelope.driftOf(riskKey);
        assertEq(week[0], step);
    }

    function testFuzz_onlyTheGuardianDecides(address caller) public {
        vm.assume(caller != riskGuardian);
        bytes32 id = _hold();
        vm.startPrank(caller);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.NotGuardian.selector, riskGuardian, caller));
        risk.approve(asset, TYPE, id);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.NotGuardian.selector, riskGuardian, caller));
        risk.dismiss(asset, TYPE, id);
    }

    /// A guardian names what it approves: nothing that was not proven and held under that id can be released.
    function testFuzz_onlyWhatIsHeldCanBeApproved(bytes32 id) public {
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.NotHeld.selector, id, 0));
        _approve(id);
        bytes32 held = _hold();
        vm.assume(id != held);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.NotHeld.selector, id, held));
        _approve(id);
    }

    function test_isApprovedOnce() public {
        bytes32 id = _hold();
        _approve(id);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.NotHeld.selector, id, 0));
        _approve(id);
    }

    function test_isDismissed() public {
        bytes32 id = _hold();
        vm.expectEmit(address(risk));
        emit IDodonaRiskOracle.HeldDismissed(id, riskGuardian);
        vm.prank(riskGuardian);
        risk.dismiss(asset, TYPE, id);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.NotHeld.selector, id, 0));
        _approve(id);
    }

    function testFuzz_expires(uint64 wait) public {
        bytes32 id = _hold();
        uint256 expiresAt = START + MAX_HELD_AGE;
        wait = uint64(bound(wait, START, START + 2 * MAX_HELD_AGE));
        vm.warp(wait);
        if (wait > expiresAt) {
            vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.HeldExpired.selector, expiresAt, wait));
        }
        _approve(id);
        assertEq(risk.updateCounter(), wait > expiresAt ? 0 : 1);
    }

    /// The publishers stand by what they signed until `validUntil`, and a guardian cannot stretch that.
    function testFuzz_expiresWithItsObservations(uint64 valid) public {
        valid = uint64(bound(valid, 1, MAX_HELD_AGE - 1));
        bytes32 id = _askRisk(DIRECT);
        IDodonaOracle.Answer memory answer = _answerOf(_vector(6_100, 7_200, 500), uint64(START));
        answer.validUntil = uint64(START + valid);
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, answer);
        vm.warp(START + valid + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaRiskOracle.HeldExpired.selector, START + valid, START + valid + 1)
        );
        _approve(id);
        vm.warp(START + valid);
        _approve(id);
    }

    function test_aNewerOneTakesItsPlace() public {
        bytes32 first = _hold();
        vm.warp(START + 60);
        bytes32 second = _deliver(_vector(6_050, 7_200, 500));
        assertEq(_heldId(), second);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.NotHeld.selector, first, second));
        _approve(first);
        _approve(second);
        assertEq(_latest(), _vector(6_050, 7_200, 500));
    }

    /// An older observation does not push a newer one out.
    function testFuzz_anOlderOneDoesNot(uint64 back) public {
        bytes32 older = _askRisk(DIRECT);
        bytes32 id = _hold();
        uint64 observedAt = uint64(START - bound(back, 0, 20 minutes));
        vm.expectEmit(address(risk));
        emit IRiskSource.UpdateRejected(
            older,
            asset,
            TYPE,
            abi.encodeWithSelector(IRiskSource.ObservationNotNewer.selector, uint64(START), observedAt)
        );
        vm.prank(address(oracle));
        risk.onDodonaAnswer(older, _answerOf(_vector(6_050, 7_200, 500), observedAt));
        assertEq(_heldId(), id);
    }

    /// What has been overtaken by a release stays behind.
    function testFuzz_isNewerThanTheLastRelease(uint64 later) public {
        bytes32 id = _hold();
        later = uint64(bound(later, 1, 1 hours));
        vm.warp(START + later);
        _deliver(_vector(6_400, 7_200, 500));
        assertEq(risk.updateCounter(), 1);
        vm.expectRevert(
            abi.encodeWithSelector(IRiskSource.ObservationNotNewer.selector, uint64(START + later), uint64(START))
        );
        _approve(id);
    }

    /// Hard limits are looked at again: the last good value may have moved since.
    function testFuzz_keepsHardLimitsWhenApproved(uint256 moved) public {
        bytes32 older = _askRisk(DIRECT);
        bytes32 id = _hold();
        moved = bound(moved, 6_701, 6_800);
        vm.prank(address(oracle));
        risk.onDodonaAnswer(older, _answerOf(_vector(moved, 7_200, 500), uint64(START - 60)));
        assertEq(risk.updateCounter(), 1);
        vm.warp(START + MIN_DELAY);
        bytes memory reason = abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 0, 600, moved - 6_100);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.HeldRefused.selector, reason));
        _approve(id);
        assertEq(_heldId(), id);
    }

    /// Approval does not skip the delay: the vector changes a liquidation threshold.
    function testFuzz_keepsTheDelayWhenApproved(uint64 wait) public {
        bytes32 older = _askRisk(DIRECT);
        bytes32 id = _deliver(_vector(6_500, 7_550, 500));
        vm.prank(address(oracle));
        risk.onDodonaAnswer(older, _answerOf(_vector(6_500, 7_200, 510), uint64(START - 60)));
        wait = uint64(bound(wait, 0, MIN_DELAY - 1));
        vm.warp(START + wait);
        bytes memory reason = abi.encodeWithSelector(IRiskEnvelope.TooSoon.selector, START + MIN_DELAY, block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(IDodonaRiskOracle.HeldRefused.selector, reason));
        _approve(id);
        vm.warp(START + MIN_DELAY);
        _approve(id);
    }

    /// A frozen verifier's proofs may be false: what it let in is not released any more.
    function test_aFrozenVerifiersVectorStays() public {
        bytes32 id = _hold();
        vm.mockCall(address(router), abi.encodeCall(router.isFrozen, (directVersion)), abi.encode(true));
        vm.expectRevert(abi.encodeWithSelector(IRiskSource.VerifierFrozen.selector, directVersion));
        _approve(id);
    }

    function test_withoutHoldingItIsRejected() public {
        IRiskSource.Source memory source = _source();
        source.maxHeldAge = 0;
        vm.startPrank(owner);
        envelope.setLimits(asset, "strict", _limits3());
        risk.setSource(asset, "strict", source);
        vm.stopPrank();
        uint256 fee = risk.quoteUpdate(asset, "strict", DIRECT);
        vm.prank(user);
        bytes32 id = risk.requestUpdate{value: fee}(asset, "strict", DIRECT, user);
        vm.expectEmit(address(risk));
        emit IRiskSource.UpdateRejected(
            id, asset, "strict", abi.encodeWithSelector(IRiskEnvelope.StepTooLarge.selector, 0, 300, 400)
        );
        vm.prank(address(oracle));
        risk.onDodonaAnswer(id, _answerOf(_vector(6_100, 7_200, 500), uint64(START)));
        assertEq(risk.heldOf(asset, "strict").requestId, 0);
    }

    function testFuzz_onlyTheOwnerNamesTheGuardian(address caller, address next) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        risk.setGuardian(next);
        vm.expectEmit(address(risk));
        emit IDodonaRiskOracle.GuardianSet(next);
        vm.prank(owner);
        risk.setGuardian(next);
        assertEq(risk.guardian(), next);
    }
}
