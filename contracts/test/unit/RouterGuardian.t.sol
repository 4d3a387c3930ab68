// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVerifierRouter} from "../../src/interfaces/IVerifier.sol";
import {RouterBase} from "./Router.t.sol";

/// @notice Freezing, and who may.
contract RouterFreezeTest is RouterBase {
    function _freeze(uint32 version) private {
        vm.prank(guardian);
        production.freeze(version);
    }

    function testFuzz_frozenIsForGood(uint32 later) public {
        uint32 version = _activeDirect();
        vm.expectEmit(address(production));
        emit IVerifierRouter.VersionWasFrozen(version);
        _freeze(version);
        vm.warp(block.timestamp + later);
        assertTrue(production.isFrozen(version));
        bytes memory frozen = abi.encodeWithSelector(IVerifierRouter.VersionFrozen.selector, version);
        vm.expectRevert(frozen);
        production.verifierOf(version);
        vm.expectRevert(frozen);
        _freeze(version);
        bytes memory over =
            abi.encodeWithSelector(IVerifierRouter.VersionNotProposed.selector, version, IVerifierRouter.Status.Frozen);
        vm.expectRevert(over);
        production.activate(version);
        vm.expectRevert(over);
        vm.prank(owner);
        production.cancel(version);
        assertEq(production.versionOf(version).verifier, address(direct), "history stays readable");
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NoVersion.selector, DIRECT, 0));
        production.latestOf(DIRECT, 0);
    }

    /// The delay is there to be used: a proposal that should not come in never does.
    function testFuzz_freezesAProposal(uint32 wait) public {
        uint32 version = _proposeDirect();
        _freeze(version);
        vm.warp(START + wait);
        vm.expectRevert(
            abi.encodeWithSelector(IVerifierRouter.VersionNotProposed.selector, version, IVerifierRouter.Status.Frozen)
        );
        production.activate(version);
        assertTrue(production.isFrozen(version));
    }

    function testFuzz_onlyTheGuardianFreezes(address caller) public {
        vm.assume(caller != guardian);
        uint32 version = _activeDirect();
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NotGuardian.selector, guardian, caller));
        vm.prank(caller);
        production.freeze(version);
    }

    /// Whatever is activated in whatever order and frozen in whatever order: the latest is the greatest number that is
    /// active and not frozen. Compared with a scan over all of them after each step.
    function testFuzz_latestSkipsFrozenInAnyOrder(uint256 seed) public {
        uint32 count = 7;
        for (uint32 i = 0; i < count; ++i) {
            _proposeDirect();
        }
        vm.warp(START + DELAY);
        for (uint256 step = 0; step < 24; ++step) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint32 version = uint32(seed % count) + 1;
            if ((seed >> 32) % 3 != 0) {
                if (_status(production, version) == IVerifierRouter.Status.Proposed) production.activate(version);
            } else if (_status(production, version) != IVerifierRouter.Status.Frozen) {
                _freeze(version);
            }
            uint32 expected = 0;
            for (uint32 v = 1; v <= count; ++v) {
                if (_status(production, v) == IVerifierRouter.Status.Active) expected = v;
            }
            if (expected == 0) {
                vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NoVersion.selector, DIRECT, 0));
                production.latestOf(DIRECT, 0);
            } else {
                assertEq(production.latestOf(DIRECT, 0), expected);
            }
        }
    }

    function test_otherShapesAreNotTouched() public {
        uint32 first = _proposeDirect();
        uint32 second = _proposeAggregated();
        vm.warp(START + DELAY);
        production.activate(second);
        production.activate(first);
        _freeze(first);
        assertEq(production.latestOf(AGGREGATED, SHAPE), second);
        assertEq(production.verifierOf(second), address(aggregated));
    }

    // -------------------------------------------------------------- the guardian's role

    function testFuzz_aGuardianIsReplacedWithDelayAndConsent(address next, uint64 wait) public {
        vm.assume(next != address(0));
        vm.expectEmit(address(production));
        emit IVerifierRouter.GuardianProposed(guardian, next, uint64(START) + DELAY);
        vm.prank(owner);
        production.proposeGuardian(next);
        (address pending, uint64 readyAt) = production.pendingGuardian();
        assertEq(pending, next);
        assertEq(readyAt, START + DELAY);
        vm.warp(START + _edgy(wait, 0, DELAY - 1));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.DelayNotOver.selector, START + DELAY, block.timestamp));
        vm.prank(next);
        production.acceptGuardian();
        assertEq(production.guardian(), guardian);
        vm.warp(START + DELAY + wait % 365 days);
        vm.expectEmit(address(production));
        emit IVerifierRouter.GuardianChanged(guardian, next);
        vm.prank(next);
        production.acceptGuardian();
        assertEq(production.guardian(), next);
        (pending, readyAt) = production.pendingGuardian();
        assertEq(pending, address(0));
        assertEq(readyAt, 0);
    }

    function testFuzz_onlyTheProposedAccepts(address next, address caller) public {
        vm.assume(next != caller && caller != address(0));
        vm.prank(owner);
        production.proposeGuardian(next);
        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NotProposedGuardian.selector, next, caller));
        vm.prank(caller);
        production.acceptGuardian();
    }

    /// A second proposal starts the wait anew, so that the delay cannot be collected in advance for another account.
    function testFuzz_aFurtherProposalWaitsAnew(uint64 wait) public {
        wait = uint64(_edgy(wait, 1, DELAY));
        vm.startPrank(owner);
        production.proposeGuardian(user);
        vm.warp(START + wait);
        production.proposeGuardian(operator);
        vm.stopPrank();
        vm.warp(START + DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IVerifierRouter.DelayNotOver.selector, START + wait + DELAY, START + DELAY)
        );
        vm.prank(operator);
        production.acceptGuardian();
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NotProposedGuardian.selector, operator, user));
        vm.prank(user);
        production.acceptGuardian();
    }

    function test_aWithdrawnProposalIsOver() public {
        vm.startPrank(owner);
        production.proposeGuardian(user);
        production.proposeGuardian(address(0));
        vm.stopPrank();
        (, uint64 readyAt) = production.pendingGuardian();
        assertEq(readyAt, 0);
        vm.warp(START + DELAY);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NotProposedGuardian.selector, address(0), user));
        vm.prank(user);
        production.acceptGuardian();
    }

    // ------------------------------------------------------- what each key can do at worst

    /// A stolen owner key: whatever it does now, nothing changes before the delay is over, and the guardian can end all
    /// of it until then.
    function testFuzz_theOwnerAtWorst(uint64 wait) public {
        uint32 active = _activeDirect();
        uint256 start = block.timestamp;
        uint32 evil = _proposeDirect();
        vm.prank(owner);
        production.proposeGuardian(owner);
        vm.warp(start + _edgy(wait, 0, DELAY - 1));
        vm.expectPartialRevert(IVerifierRouter.DelayNotOver.selector);
        production.activate(evil);
        vm.expectPartialRevert(IVerifierRouter.DelayNotOver.selector);
        vm.prank(owner);
        production.acceptGuardian();
        assertEq(production.latestOf(DIRECT, 0), active);
        assertEq(production.verifierOf(active), address(direct));
        _freeze(evil);
        vm.warp(start + DELAY);
        vm.expectPartialRevert(IVerifierRouter.VersionNotProposed.selector);
        production.activate(evil);
        vm.expectPartialRevert(IVerifierRouter.VersionNotProposed.selector);
        vm.prank(owner);
        production.cancel(active);
    }

    /// A stolen guardian key: everything that exists is frozen, and nothing else; later versions come in with a new
    /// guardian.
    function test_theGuardianAtWorst() public {
        uint32 active = _activeDirect();
        _freeze(active);
        vm.startPrank(guardian);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", guardian));
        production.addVersion(address(direct), address(direct).codehash, 0, CEREMONY);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", guardian));
        production.proposeGuardian(guardian);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NotProposedGuardian.selector, address(0), guardian));
        production.acceptGuardian();
        vm.stopPrank();
        vm.prank(owner);
        production.proposeGuardian(user);
        vm.warp(block.timestamp + DELAY);
        vm.prank(user);
        production.acceptGuardian();
        uint32 next = _activeDirect();
        assertEq(production.latestOf(DIRECT, 0), next);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NotGuardian.selector, user, guardian));
        _freeze(next);
    }

    /// Without an owner no version comes in any more; the guardian can still freeze.
    function test_renouncing() public {
        uint32 version = _activeDirect();
        vm.prank(owner);
        production.renounceOwnership();
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", owner));
        vm.prank(owner);
        production.addVersion(address(direct), 0, 0, CEREMONY);
        assertEq(production.verifierOf(version), address(direct));
        _freeze(version);
        assertTrue(production.isFrozen(version));
    }
}
