// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier, IVerifierRouter} from "../../src/interfaces/IVerifier.sol";
import {SrsDigests} from "../../src/libraries/SrsDigests.sol";
import {VerifierRouter} from "../../src/verifier/VerifierRouter.sol";
import {AggregatedVerifier, DirectVerifier} from "../../src/verifier/VerifierWrapper.sol";
import {Base} from "../Base.sol";
import {RawVerifier, SelfDescribed} from "../mocks/RawVerifiers.sol";

/// @notice A router of production, with a direct and an aggregated version that were both active before.
abstract contract RouterBase is Base {
    bytes32 internal constant CEREMONY = keccak256("ceremony");
    uint64 internal constant DELAY = 3 days;

    VerifierRouter internal production;

    function setUp() public virtual override {
        super.setUp();
        production = new VerifierRouter(owner, guardian, CEREMONY, DELAY);
    }

    function _proposeDirect() internal returns (uint32 version) {
        bytes32 code = address(direct).codehash;
        vm.prank(owner);
        version = production.addVersion(address(direct), code, 0, CEREMONY);
    }

    function _proposeAggregated() internal returns (uint32 version) {
        bytes32 code = address(aggregated).codehash;
        bytes32 inner = address(aggregatedRaw).codehash;
        vm.prank(owner);
        version = production.addVersion(address(aggregated), code, inner, CEREMONY);
    }

    function _activeDirect() internal returns (uint32 version) {
        version = _proposeDirect();
        vm.warp(block.timestamp + DELAY);
        production.activate(version);
    }

    function _status(VerifierRouter of_, uint32 version) internal view returns (IVerifierRouter.Status status) {
        (, status,,) = of_.proposalOf(version);
    }
}

/// @notice How versions come in.
contract RouterVersionsTest is RouterBase {
    function test_namesItsVersions() public view {
        IVerifierRouter.Version memory entry = router.versionOf(aggregatedVersion);
        assertEq(entry.verifier, address(aggregated));
        assertEq(entry.mode, AGGREGATED);
        assertEq(entry.shape, SHAPE);
        assertEq(entry.codeHash, address(aggregated).codehash);
        assertEq(entry.implementationCodeHash, address(aggregatedRaw).codehash);
        assertEq(entry.srsDigest, DEV_SRS);
        assertEq(router.latestOf(DIRECT, 0), directVersion);
        assertEq(router.latestOf(AGGREGATED, SHAPE), aggregatedVersion);
        assertEq(router.versionCount(), 2);
        assertEq(router.verifierOf(directVersion), address(direct));
    }

    /// The digest of the public seed's string; `dodona srs dev --k 4` prints it.
    function test_knowsTheDevelopmentStringByItsDigest() public view {
        assertEq(router.srsDigest(), 0x74ac549e8d3a872619ff2c07a179d994f01c7eef1bb4ef89ee6316ebf1187d31);
        assertTrue(router.isDev());
        assertFalse(production.isDev());
        assertEq(production.srsDigest(), CEREMONY);
        assertEq(production.delay(), DELAY);
        assertEq(production.guardian(), guardian);
        assertEq(production.owner(), owner);
    }

    /// A development network needs one call a version.
    function test_withoutDelayAVersionIsActiveAtOnce() public {
        bytes32 code = address(direct).codehash;
        vm.expectEmit(address(router));
        emit IVerifierRouter.VersionProposed(
            3, address(direct), code, 0, uint64(START), uint64(START) + router.ACTIVATION_WINDOW()
        );
        vm.expectEmit(address(router));
        emit IVerifierRouter.VersionAdded(3, address(direct), DIRECT, 0, DEV_SRS, true);
        vm.prank(owner);
        assertEq(router.addVersion(address(direct), code, 0, DEV_SRS), 3);
        assertEq(router.latestOf(DIRECT, 0), 3);
        assertEq(router.verifierOf(3), address(direct));
    }

    function test_aNewVersionDoesNotReachOpenRequests() public {
        Delivery memory d = _prove(_delivery(_request(_params(model, DIRECT)), model, DIRECT));
        DirectVerifier next = new DirectVerifier(GAS_CAP + 1);
        vm.prank(owner);
        router.addVersion(address(next), address(next).codehash, 0, DEV_SRS);
        vm.expectCall(address(next), abi.encodeWithSelector(IProofVerifier.verify.selector), 0);
        _fulfil(d);
    }

    function testFuzz_anyoneActivatesAfterTheDelay(uint64 wait, address anyone) public {
        wait = uint64(_edgy(wait, DELAY, DELAY + production.ACTIVATION_WINDOW()));
        uint32 version = _proposeAggregated();
        assertEq(uint8(_status(production, version)), uint8(IVerifierRouter.Status.Proposed));
        vm.warp(START + wait);
        vm.expectEmit(address(production));
        emit IVerifierRouter.VersionAdded(version, address(aggregated), AGGREGATED, SHAPE, CEREMONY, false);
        vm.prank(anyone);
        production.activate(version);
        assertEq(production.verifierOf(version), address(aggregated));
        assertEq(production.latestOf(AGGREGATED, SHAPE), version);
    }

    function testFuzz_refusesToActivateTooSoon(uint64 wait) public {
        wait = uint64(_edgy(wait, 0, DELAY - 1));
        uint32 version = _proposeDirect();
        vm.warp(START + wait);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.DelayNotOver.selector, START + DELAY, START + wait));
        production.activate(version);
    }

    /// What was approved long ago and forgotten does not come in by surprise.
    function testFuzz_refusesToActivateTooLate(uint64 wait) public {
        uint256 until = START + DELAY + production.ACTIVATION_WINDOW();
        uint32 version = _proposeDirect();
        vm.warp(_edgy(wait, until + 1, until + 10 * 365 days));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ProposalExpired.selector, until, block.timestamp));
        production.activate(version);
    }

    function testFuzz_aProposedVersionVerifiesNothing(uint64 wait) public {
        uint32 version = _proposeDirect();
        vm.warp(START + _edgy(wait, 0, 10 * DELAY));
        bytes memory reason =
            abi.encodeWithSelector(IVerifierRouter.VersionNotActive.selector, version, IVerifierRouter.Status.Proposed);
        vm.expectRevert(reason);
        production.verifierOf(version);
        vm.expectRevert(reason);
        production.versionOf(version);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NoVersion.selector, DIRECT, 0));
        production.latestOf(DIRECT, 0);
        assertFalse(production.isFrozen(version));
        (IVerifierRouter.Version memory proposal,, uint64 readyAt, uint64 expiresAt) = production.proposalOf(version);
        assertEq(proposal.verifier, address(direct));
        assertEq(readyAt, START + DELAY);
        assertEq(expiresAt, START + DELAY + production.ACTIVATION_WINDOW());
    }

    function testFuzz_aCancelledVersionIsOver(uint64 wait) public {
        uint32 version = _proposeDirect();
        vm.expectEmit(address(production));
        emit IVerifierRouter.VersionCancelled(version);
        vm.prank(owner);
        production.cancel(version);
        vm.warp(START + _edgy(wait, 0, 10 * DELAY));
        IVerifierRouter.Status cancelled = IVerifierRouter.Status.Cancelled;
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionNotProposed.selector, version, cancelled));
        production.activate(version);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionNotProposed.selector, version, cancelled));
        vm.prank(owner);
        production.cancel(version);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionNotActive.selector, version, cancelled));
        production.verifierOf(version);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionNotActive.selector, version, cancelled));
        vm.prank(guardian);
        production.freeze(version);
        assertEq(_proposeDirect(), version + 1);
    }

    function test_anActiveVersionIsNeitherActivatedNorCancelledAgain() public {
        uint32 version = _activeDirect();
        bytes memory reason =
            abi.encodeWithSelector(IVerifierRouter.VersionNotProposed.selector, version, IVerifierRouter.Status.Active);
        vm.expectRevert(reason);
        production.activate(version);
        vm.expectRevert(reason);
        vm.prank(owner);
        production.cancel(version);
    }

    function testFuzz_onlyTheOwnerProposesAndCancels(address caller) public {
        vm.assume(caller != owner);
        uint32 version = _proposeDirect();
        bytes memory reason = abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller);
        vm.startPrank(caller);
        vm.expectRevert(reason);
        production.addVersion(address(direct), 0, 0, CEREMONY);
        vm.expectRevert(reason);
        production.cancel(version);
        vm.expectRevert(reason);
        production.proposeGuardian(caller);
    }

    function testFuzz_refusesAnotherSrs(bytes32 srs, bool dev) public {
        VerifierRouter target = dev ? router : production;
        bytes32 own = target.srsDigest();
        vm.assume(srs != own);
        bytes32 code = address(direct).codehash;
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.SrsMismatch.selector, own, srs));
        vm.prank(owner);
        target.addVersion(address(direct), code, 0, srs);
    }

    /// No flag lets it in: a router is for one string, and with the development one it says so.
    function test_productionRefusesTheDevelopmentSrs() public {
        bytes32 code = address(direct).codehash;
        vm.expectRevert(
            abi.encodeWithSelector(IVerifierRouter.SrsMismatch.selector, CEREMONY, SrsDigests.DEV_SRS_DIGEST)
        );
        vm.prank(owner);
        production.addVersion(address(direct), code, 0, SrsDigests.DEV_SRS_DIGEST);
    }

    function testFuzz_refusesOtherCode(bytes32 hash) public {
        bytes32 code = address(aggregated).codehash;
        bytes32 inner = address(aggregatedRaw).codehash;
        vm.assume(hash != code && hash != inner && hash != 0);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, hash, code));
        production.addVersion(address(aggregated), hash, inner, CEREMONY);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, hash, inner));
        production.addVersion(address(aggregated), code, hash, CEREMONY);
        code = address(direct).codehash;
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, bytes32(0), hash));
        production.addVersion(address(direct), code, hash, CEREMONY);
    }

    function testFuzz_refusesAccountsWithoutCode(address account) public {
        vm.assume(account.code.length == 0);
        bytes32 hash = account.codehash;
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, hash, hash));
        production.addVersion(account, hash, 0, CEREMONY);
    }

    /// What stands there when the delay is over must be what was proposed: wrapper and generated verifier.
    function testFuzz_refusesCodeReplacedDuringTheDelay(bytes32 salt, bool wrapper) public {
        uint32 version = _proposeAggregated();
        vm.warp(START + DELAY);
        address replaced = wrapper ? address(aggregated) : address(aggregatedRaw);
        bytes32 before = replaced.codehash;
        vm.etch(replaced, abi.encodePacked(hex"00", salt));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, before, replaced.codehash));
        production.activate(version);
        vm.etch(replaced, "");
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, before, replaced.codehash));
        production.activate(version);
    }

    function testFuzz_refusesUnknownModes(uint8 mode) public {
        mode = uint8(_edgy(mode, 2, 255));
        address odd = address(new SelfDescribed(mode, 0, address(0)));
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.UnknownMode.selector, mode));
        production.addVersion(odd, odd.codehash, 0, CEREMONY);
    }

    function testFuzz_refusesShapesThatAreNotTheModes(uint32 shape) public {
        vm.assume(shape != 0);
        address odd = address(new SelfDescribed(DIRECT, shape, address(0)));
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ShapeMismatch.selector, 0, shape));
        production.addVersion(odd, odd.codehash, 0, CEREMONY);
        odd = address(new SelfDescribed(AGGREGATED, 0, address(aggregatedRaw)));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ShapeMismatch.selector, 1, 0));
        production.addVersion(odd, odd.codehash, address(aggregatedRaw).codehash, CEREMONY);
    }

    /// A wrapper that keeps mode and shape in storage (its code hash stays) cannot change sides during the delay.
    function testFuzz_refusesWrappersThatChangeTheirMind(uint32 shape, bool mode) public {
        SelfDescribed odd = new SelfDescribed(AGGREGATED, SHAPE, address(aggregatedRaw));
        bytes32 inner = address(aggregatedRaw).codehash;
        vm.prank(owner);
        uint32 version = production.addVersion(address(odd), address(odd).codehash, inner, CEREMONY);
        vm.warp(START + DELAY);
        if (mode) {
            odd.become(DIRECT, 0);
            vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, bytes32(0), inner));
        } else {
            vm.assume(shape != SHAPE && shape != 0);
            odd.become(AGGREGATED, shape);
            vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ShapeMismatch.selector, SHAPE, shape));
        }
        production.activate(version);
    }

    function test_aDirectWrapperCannotBecomeAggregated() public {
        SelfDescribed odd = new SelfDescribed(DIRECT, 0, address(0));
        vm.prank(owner);
        uint32 version = production.addVersion(address(odd), address(odd).codehash, 0, CEREMONY);
        vm.warp(START + DELAY);
        odd.become(AGGREGATED, SHAPE);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, bytes32(0), bytes32(0)));
        production.activate(version);
    }

    function testFuzz_refusesUnknownVersionAndShape(uint32 version, uint32 shape) public {
        version = uint32(_edgy(version, 3, type(uint32).max));
        bytes memory reason = abi.encodeWithSelector(IVerifierRouter.VersionUnknown.selector, version);
        vm.expectRevert(reason);
        router.versionOf(version);
        vm.expectRevert(reason);
        router.verifierOf(version);
        vm.expectRevert(reason);
        router.proposalOf(version);
        vm.expectRevert(reason);
        router.activate(version);
        vm.expectRevert(reason);
        vm.prank(owner);
        router.cancel(version);
        vm.expectRevert(reason);
        vm.prank(guardian);
        router.freeze(version);
        assertFalse(router.isFrozen(version));
        vm.assume(shape != SHAPE);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NoVersion.selector, AGGREGATED, shape));
        router.latestOf(AGGREGATED, shape);
    }

    function testFuzz_constructorRefusesDelays(uint64 delay) public {
        uint64 least = production.MIN_DELAY();
        uint64 most = production.MAX_DELAY();
        bool short = delay % 2 == 0;
        delay = uint64(short ? _edgy(delay, 0, least - 1) : _edgy(delay, most + 1, type(uint64).max));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.DelayOutOfRange.selector, least, most, delay));
        new VerifierRouter(owner, guardian, CEREMONY, delay);
        if (short) {
            assertEq(new VerifierRouter(owner, guardian, DEV_SRS, delay).delay(), delay);
        } else {
            vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.DelayOutOfRange.selector, 0, most, delay));
            new VerifierRouter(owner, guardian, DEV_SRS, delay);
        }
    }

    function test_constructorRefusesZeros() public {
        vm.expectRevert(IVerifierRouter.ZeroGuardian.selector);
        new VerifierRouter(owner, address(0), CEREMONY, DELAY);
        vm.expectRevert(IVerifierRouter.ZeroSrsDigest.selector);
        new VerifierRouter(owner, guardian, 0, DELAY);
        vm.expectRevert(abi.encodeWithSignature("OwnableInvalidOwner(address)", address(0)));
        new VerifierRouter(address(0), guardian, CEREMONY, DELAY);
    }
}
