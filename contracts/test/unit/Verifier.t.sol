// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier, IVerifierRouter} from "../../src/interfaces/IVerifier.sol";
import {Words} from "../../src/libraries/Words.sol";
import {VerifierRouter} from "../../src/verifier/VerifierRouter.sol";
import {AggregatedVerifier, DirectVerifier} from "../../src/verifier/VerifierWrapper.sol";
import {Base} from "../Base.sol";
import {WeirdVerifier} from "../mocks/RawVerifiers.sol";

contract WrapperTest is Base {
    function _input() internal pure returns (uint256[] memory words, bytes memory proof) {
        words = new uint256[](16);
        for (uint256 i = 0; i < 16; ++i) {
            words[i] = Words.R - 1 - i;
        }
        proof = abi.encodePacked(_limbs(1), _bytes(OUTER_PROOF, 1));
    }

    function _setLimb(bytes memory proof, uint256 i, uint256 value) internal pure {
        assembly {
            mstore(add(add(proof, 0x20), mul(i, 0x20)), value)
        }
    }

    function test_aggregatedCalldataIsLimbsKeyWordsProof() public {
        (uint256[] memory words, bytes memory proof) = _input();
        assertFalse(aggregated.verify(5, words, 0, proof));
        aggregatedRaw.prove(abi.encodePacked(_limbs(1), uint256(5), words, _bytes(OUTER_PROOF, 1)));
        assertTrue(aggregated.verify(5, words, 0, proof));
        assertFalse(aggregated.verify(6, words, 0, proof));
    }

    function test_directCalldataIsWordsProof() public {
        uint256[] memory words = new uint256[](3);
        words[1] = 9;
        bytes memory proof = _bytes(DIRECT_PROOF, 1);
        uint256 key = uint256(uint160(address(directRaw)));
        assertFalse(direct.verify(key, words, DIRECT_PROOF, proof));
        directRaw.prove(abi.encodePacked(words, proof));
        assertTrue(direct.verify(key, words, DIRECT_PROOF, proof));
    }

    function testFuzz_refusesWordOutsideField(uint8 at, uint256 word, bool aggregate) public {
        (uint256[] memory words, bytes memory proof) = _input();
        at = at % 16;
        words[at] = bound(word, Words.R, type(uint256).max);
        IProofVerifier wrapper = aggregate ? IProofVerifier(aggregated) : IProofVerifier(direct);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.WordNotInField.selector, at, words[at]));
        wrapper.verify(1, words, proof.length, proof);
    }

    function testFuzz_refusesKeyOutsideField(uint256 key) public {
        (uint256[] memory words, bytes memory proof) = _input();
        key = bound(key, Words.R, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.WordNotInField.selector, 16, key));
        aggregated.verify(key, words, 0, proof);
    }

    function testFuzz_refusesLargeLimb(uint8 at, uint256 limb) public {
        (uint256[] memory words, bytes memory proof) = _input();
        at = at % 12;
        limb = bound(limb, 1 << 88, type(uint256).max);
        _setLimb(proof, at, limb);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.LimbTooLarge.selector, at, limb));
        aggregated.verify(1, words, 0, proof);
    }

    /// The pairing of the identity with anything holds: it would vouch for nothing.
    function testFuzz_refusesIdentityPoints(bool second) public {
        (uint256[] memory words, bytes memory proof) = _input();
        for (uint256 i = 0; i < 6; ++i) {
            _setLimb(proof, i + (second ? 6 : 0), 0);
        }
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.IdentityPoint.selector, second ? 1 : 0));
        aggregated.verify(1, words, 0, proof);
    }

    function testFuzz_refusesWordCount(uint8 count) public {
        vm.assume(count != 16);
        (, bytes memory proof) = _input();
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.WordCount.selector, 16, count));
        aggregated.verify(1, new uint256[](count), 0, proof);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.WordCount.selector, 1, 0));
        direct.verify(1, new uint256[](0), proof.length, proof);
    }

    function testFuzz_refusesProofLength(uint16 length, uint16 pinned) public {
        length = uint16(bound(length, 0, 3_000));
        (uint256[] memory words,) = _input();
        bytes memory proof = new bytes(length);
        if (length != OUTER_PROOF + 384) {
            vm.expectRevert(abi.encodeWithSelector(IProofVerifier.ProofLength.selector, OUTER_PROOF + 384, length));
            aggregated.verify(1, words, 0, proof);
        }
        vm.assume(pinned != length);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.ProofLength.selector, pinned, length));
        direct.verify(1, words, pinned, proof);
    }

    function testFuzz_refusesKeyWithoutCode(address target) public {
        vm.assume(target.code.length == 0 && uint160(target) > 0xffff);
        (uint256[] memory words, bytes memory proof) = _input();
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.NoCode.selector, target));
        direct.verify(uint256(uint160(target)), words, proof.length, proof);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.NoCode.selector, target));
        new AggregatedVerifier(target, 1, 16, 0, 0);
    }

    /// Only reverting means no. What a generated verifier returns is not its verdict, and never harms the caller.
    function testFuzz_weirdVerifiers(uint8 which, bool aggregate) public {
        WeirdVerifier.Way way = WeirdVerifier.Way(which % 7);
        WeirdVerifier weird = new WeirdVerifier(way);
        (uint256[] memory words, bytes memory proof) = _input();
        IProofVerifier wrapper = aggregate
            ? IProofVerifier(new AggregatedVerifier(address(weird), 1, 16, OUTER_PROOF, GAS_CAP))
            : IProofVerifier(direct);
        uint256 key = aggregate ? 1 : uint256(uint160(address(weird)));
        uint256 before = gasleft();
        bool verdict = wrapper.verify(key, words, proof.length, proof);
        uint256 spent = before - gasleft();
        assertEq(verdict, uint8(way) < uint8(WeirdVerifier.Way.Revert));
        assertLt(spent, GAS_CAP + 100_000);
        if (way == WeirdVerifier.Way.BurnGas) assertGt(spent, GAS_CAP);
    }

    /// With too little gas a right proof must not look wrong.
    function testFuzz_refusesToJudgeWithTooLittleGas(uint256 gas_) public {
        (uint256[] memory words, bytes memory proof) = _input();
        aggregatedRaw.prove(abi.encodePacked(_limbs(1), uint256(5), words, _bytes(OUTER_PROOF, 1)));
        gas_ = bound(gas_, 60_000, GAS_CAP + 200_000);
        (bool ok, bytes memory data) =
            address(aggregated).staticcall{gas: gas_}(abi.encodeCall(aggregated.verify, (5, words, 0, proof)));
        if (ok) assertTrue(abi.decode(data, (bool)));
        else assertEq(bytes4(data), IProofVerifier.InsufficientVerifierGas.selector);
    }
}

contract RouterTest is Base {
    bytes32 internal constant CEREMONY = keccak256("ceremony");

    function test_namesItsVersions() public {
        IVerifierRouter.Version memory entry = router.versionOf(aggregatedVersion);
        assertEq(entry.verifier, address(aggregated));
        assertEq(entry.mode, AGGREGATED);
        assertEq(entry.shape, SHAPE);
        assertEq(router.latestOf(DIRECT, 0), directVersion);
        assertEq(router.versionCount(), 2);
        assertTrue(router.isDev(directVersion));
        bytes32 code = address(direct).codehash;
        vm.expectEmit(address(router));
        emit IVerifierRouter.VersionAdded(3, address(direct), DIRECT, 0, CEREMONY, false);
        vm.prank(owner);
        router.addVersion(address(direct), code, 0, CEREMONY);
        assertFalse(router.isDev(3));
        assertEq(router.latestOf(DIRECT, 0), 3);
        assertEq(router.verifierOf(directVersion), address(direct));
    }

    function test_aNewVersionDoesNotReachOpenRequests() public {
        Delivery memory d = _prove(_delivery(_request(_params(model, DIRECT)), model, DIRECT));
        DirectVerifier next = new DirectVerifier(GAS_CAP + 1);
        vm.prank(owner);
        router.addVersion(address(next), address(next).codehash, 0, CEREMONY);
        vm.expectCall(address(next), abi.encodeWithSelector(IProofVerifier.verify.selector), 0);
        _fulfil(d);
    }

    function testFuzz_onlyTheOwnerAdds(address caller) public {
        vm.assume(caller != owner);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", caller));
        vm.prank(caller);
        router.addVersion(address(direct), 0, 0, CEREMONY);
    }

    function testFuzz_refusesOtherCode(bytes32 hash) public {
        bytes32 code = address(aggregated).codehash;
        bytes32 inner = address(aggregatedRaw).codehash;
        vm.assume(hash != code && hash != inner && hash != 0);
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, hash, code));
        router.addVersion(address(aggregated), hash, inner, CEREMONY);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, hash, inner));
        router.addVersion(address(aggregated), code, hash, CEREMONY);
        code = address(direct).codehash;
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, bytes32(0), hash));
        router.addVersion(address(direct), code, hash, CEREMONY);
    }

    function test_refusesAccountsWithoutCode() public {
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.CodeHashMismatch.selector, bytes32(0), bytes32(0)));
        router.addVersion(address(0xbeef), 0, 0, CEREMONY);
    }

    /// Production is a router that knows the development SRS and refuses it by digest.
    function test_productionRefusesTheDevelopmentSrs() public {
        VerifierRouter production = new VerifierRouter(owner, DEV_SRS, false);
        bytes32 code = address(direct).codehash;
        vm.startPrank(owner);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.DevSrsRefused.selector, DEV_SRS));
        production.addVersion(address(direct), code, 0, DEV_SRS);
        assertEq(production.addVersion(address(direct), code, 0, CEREMONY), 1);
    }

    function testFuzz_refusesUnknownVersionAndShape(uint32 version, uint32 shape) public {
        version = uint32(bound(version, 3, type(uint32).max));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionUnknown.selector, version));
        router.versionOf(version);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VersionUnknown.selector, version));
        router.verifierOf(version);
        vm.assume(shape != SHAPE);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.NoVersion.selector, AGGREGATED, shape));
        router.latestOf(AGGREGATED, shape);
    }
}
