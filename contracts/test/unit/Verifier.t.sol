// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IProofVerifier} from "../../src/interfaces/IVerifier.sol";
import {Words} from "../../src/libraries/Words.sol";
import {AggregatedVerifier, DirectVerifier} from "../../src/verifier/VerifierWrapper.sol";
import {Base} from "../Base.sol";
import {RawVerifier, WeirdVerifier} from "../mocks/RawVerifiers.sol";

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
        words[at] = _edgy(word, Words.R, type(uint256).max);
        IProofVerifier wrapper = aggregate ? IProofVerifier(aggregated) : IProofVerifier(direct);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.WordNotInField.selector, at, words[at]));
        wrapper.verify(1, words, proof.length, proof);
    }

    function testFuzz_refusesKeyOutsideField(uint256 key) public {
        (uint256[] memory words, bytes memory proof) = _input();
        key = _edgy(key, Words.R, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.WordNotInField.selector, 16, key));
        aggregated.verify(key, words, 0, proof);
    }

    function testFuzz_refusesLargeLimb(uint8 at, uint256 limb) public {
        (uint256[] memory words, bytes memory proof) = _input();
        at = at % 12;
        limb = _edgy(limb, 1 << 88, type(uint256).max);
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
        length = uint16(_edgy(length, 0, 3_000));
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

    function testFuzz_refusesKeyThatIsNoAddress(uint256 key) public {
        key = _edgy(key, uint256(type(uint160).max) + 1, type(uint256).max);
        (uint256[] memory words, bytes memory proof) = _input();
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.KeyNotAddress.selector, key));
        direct.verify(key, words, proof.length, proof);
    }

    /// Direct mode has no proof of no bytes, whatever a model pins.
    function test_refusesAnEmptyProof() public {
        (uint256[] memory words,) = _input();
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.ProofLength.selector, 0, 0));
        direct.verify(uint160(address(directRaw)), words, 0, "");
    }

    /// @dev Either wrapper around `weird`, and the key to call it with.
    function _around(address weird, bool aggregate) private returns (IProofVerifier wrapper, uint256 key) {
        if (!aggregate) return (direct, uint256(uint160(weird)));
        return (new AggregatedVerifier(weird, 1, 16, OUTER_PROOF, GAS_CAP), 1);
    }

    /// Only reverting means no. What a generated verifier returns is not its verdict, and never harms the caller.
    function testFuzz_weirdVerifiers(uint8 which, bool aggregate) public {
        WeirdVerifier.Way way = WeirdVerifier.Way(which % (uint8(type(WeirdVerifier.Way).max) + 1));
        WeirdVerifier weird = new WeirdVerifier(way);
        (uint256[] memory words, bytes memory proof) = _input();
        (IProofVerifier wrapper, uint256 key) = _around(address(weird), aggregate);
        uint256 before = gasleft();
        bool verdict = wrapper.verify(key, words, proof.length, proof);
        uint256 spent = before - gasleft();
        assertEq(verdict, uint8(way) < uint8(WeirdVerifier.Way.Revert));
        assertLt(spent, GAS_CAP + 100_000);
        if (uint8(way) >= uint8(WeirdVerifier.Way.BurnGas)) assertGt(spent, GAS_CAP);
    }

    /// A generated verifier is called read-only: one that writes, or destroys itself, is one that says no.
    function testFuzz_verifiersChangeNothing(bool aggregate) public {
        WeirdVerifier weird = new WeirdVerifier(WeirdVerifier.Way.Write);
        (uint256[] memory words, bytes memory proof) = _input();
        (IProofVerifier wrapper, uint256 key) = _around(address(weird), aggregate);
        assertFalse(wrapper.verify(key, words, proof.length, proof));
        assertEq(weird.written(), 0);
        vm.etch(address(weird), hex"33ff"); // CALLER SELFDESTRUCT
        assertFalse(wrapper.verify(key, words, proof.length, proof));
        assertGt(address(weird).code.length, 0);
    }

    /// Code that is gone verifies nothing; other code in its place is judged as it behaves (the router compares code
    /// hashes when a version comes in, the registry when a model's verifier is named).
    function testFuzz_codeThatIsGone(bool aggregate, uint256 word) public {
        WeirdVerifier weird = new WeirdVerifier(WeirdVerifier.Way.ReturnTrue);
        (uint256[] memory words, bytes memory proof) = _input();
        words[3] = _edgy(word, 0, Words.R - 1);
        (IProofVerifier wrapper, uint256 key) = _around(address(weird), aggregate);
        assertTrue(wrapper.verify(key, words, proof.length, proof));
        vm.etch(address(weird), hex"5f5ffd");
        assertFalse(wrapper.verify(key, words, proof.length, proof));
        vm.etch(address(weird), "");
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.NoCode.selector, address(weird)));
        wrapper.verify(key, words, proof.length, proof);
    }

    /// A verifier that was deployed and destroyed in one transaction leaves an address without code.
    function testFuzz_refusesWhatWasNeverThere(address target, bool aggregate) public {
        vm.assume(target.code.length == 0 && uint160(target) > 0xffff);
        if (aggregate) {
            vm.expectRevert(abi.encodeWithSelector(IProofVerifier.NoCode.selector, target));
            new AggregatedVerifier(target, 1, 16, OUTER_PROOF, GAS_CAP);
            return;
        }
        (uint256[] memory words, bytes memory proof) = _input();
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.NoCode.selector, target));
        direct.verify(uint160(target), words, proof.length, proof);
    }

    /// Precompiles answer everything and have no code.
    function testFuzz_refusesPrecompiles(uint8 at) public {
        at = uint8(_edgy(at, 1, 10));
        (uint256[] memory words, bytes memory proof) = _input();
        vm.expectRevert(abi.encodeWithSelector(IProofVerifier.NoCode.selector, address(uint160(at))));
        direct.verify(at, words, proof.length, proof);
    }

    /// The calldata's own form: cut anywhere it is refused before any verifier is asked.
    function testFuzz_refusesTruncatedCalldata(uint256 cut, bool aggregate) public {
        (uint256[] memory words, bytes memory proof) = _input();
        WeirdVerifier yes = new WeirdVerifier(WeirdVerifier.Way.ReturnTrue);
        (IProofVerifier wrapper, uint256 key) = _around(address(yes), aggregate);
        bytes memory data = abi.encodeCall(IProofVerifier.verify, (key, words, proof.length, proof));
        (bool ok,) = address(wrapper).staticcall(data);
        assertTrue(ok);
        cut = _edgy(cut, 0, data.length - 1);
        assembly ("memory-safe") {
            mstore(data, cut)
        }
        vm.expectCall(address(yes), "", 0);
        (ok,) = address(wrapper).staticcall(data);
        assertFalse(ok);
    }

    /// Bytes after the arguments are nobody's: the generated verifier gets the same calldata, no more.
    function testFuzz_ignoresWhatFollowsTheArguments(bytes calldata more, bool aggregate) public {
        (uint256[] memory words, bytes memory proof) = _input();
        RawVerifier raw = new RawVerifier();
        (IProofVerifier wrapper, uint256 key) = _around(address(raw), aggregate);
        raw.prove(
            aggregate ? abi.encodePacked(_limbs(1), key, words, _bytes(OUTER_PROOF, 1)) : abi.encodePacked(words, proof)
        );
        bytes memory data = abi.encodeCall(IProofVerifier.verify, (key, words, proof.length, proof));
        (bool ok, bytes memory got) = address(wrapper).staticcall(abi.encodePacked(data, more));
        assertTrue(ok && abi.decode(got, (bool)));
    }

    /// Any byte of the proof, any word and the key reach the generated verifier as they are.
    function testFuzz_anyChangeIsRefused(uint256 at, uint8 flip, bool aggregate, uint8 what) public {
        (uint256[] memory words, bytes memory proof) = _input();
        RawVerifier raw = new RawVerifier();
        (IProofVerifier wrapper, uint256 key) = _around(address(raw), aggregate);
        raw.prove(
            aggregate ? abi.encodePacked(_limbs(1), key, words, _bytes(OUTER_PROOF, 1)) : abi.encodePacked(words, proof)
        );
        assertTrue(wrapper.verify(key, words, proof.length, proof));
        if (what % 2 == 0) {
            // Only the lowest eleven bytes of a limb may be set at all; the rest is refused by its bound.
            at = _edgy(at, aggregate ? 384 : 0, proof.length - 1);
            proof[at] ^= bytes1(uint8(_edgy(flip, 1, 255)));
        } else {
            words[at % 16] -= uint256(_edgy(flip, 1, 255));
        }
        assertFalse(wrapper.verify(key, words, proof.length, proof));
    }

    /// With too little gas a right proof must not look wrong: either the verifier gets its cap, all but what calling
    /// it costs, or nothing is said at all.
    function testFuzz_refusesToJudgeWithTooLittleGas(uint256 gas_, bool aggregate) public {
        (uint256[] memory words, bytes memory proof) = _input();
        WeirdVerifier needy = new WeirdVerifier(WeirdVerifier.Way.WantGas);
        needy.want(GAS_CAP - 3_000);
        (IProofVerifier wrapper, uint256 key) = _around(address(needy), aggregate);
        gas_ = bound(gas_, GAS_CAP - 10_000, GAS_CAP + GAS_CAP / 63 + 60_000);
        (bool ok, bytes memory data) = address(wrapper).staticcall{gas: gas_}(
            abi.encodeCall(IProofVerifier.verify, (key, words, proof.length, proof))
        );
        if (ok) assertTrue(abi.decode(data, (bool)));
        else assertEq(bytes4(data), IProofVerifier.InsufficientVerifierGas.selector);
    }

    /// Exactly the cap, however much is left: a verifier can count on it, and can burn no more.
    function testFuzz_givesExactlyTheCap(uint256 extra, bool aggregate) public {
        (uint256[] memory words, bytes memory proof) = _input();
        WeirdVerifier weird = new WeirdVerifier(WeirdVerifier.Way.WantGas);
        weird.want(GAS_CAP - 5_000);
        (IProofVerifier wrapper, uint256 key) = _around(address(weird), aggregate);
        uint256 gas_ = GAS_CAP + GAS_CAP / 63 + 100_000 + _edgy(extra, 0, 20_000_000);
        assertTrue(wrapper.verify{gas: gas_}(key, words, proof.length, proof));
        weird.want(GAS_CAP + 1);
        assertFalse(wrapper.verify{gas: gas_}(key, words, proof.length, proof));
    }

    function testFuzz_saysWhatItIs(uint32 shape, uint256 cap, uint256 count, uint32 length) public {
        AggregatedVerifier made = new AggregatedVerifier(address(aggregatedRaw), shape, count, length, cap);
        assertEq(made.mode(), AGGREGATED);
        assertEq(made.shape(), shape);
        assertEq(made.gasCap(), cap);
        assertEq(made.wordCount(), count);
        assertEq(made.submittedLength(), uint256(length) + 384);
        assertEq(made.implementation(), address(aggregatedRaw));
        assertEq(direct.mode(), DIRECT);
        assertEq(direct.shape(), 0);
        assertEq(direct.implementation(), address(0));
    }
}
