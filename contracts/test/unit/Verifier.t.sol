// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../../src/interfaces/IVerifier.sol";
import {Words} from "../../src/libraries/Words.sol";
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
