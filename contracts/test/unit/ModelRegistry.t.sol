// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Base} from "../Base.sol";

contract ModelRegistryTest is Base {
    function _new() internal view returns (IModelRegistry.ModelSpec memory spec) {
        spec = _spec(_committed(1), 3);
        spec.quantHash = keccak256("another");
    }

    function _refused(IModelRegistry.ModelSpec memory spec, string memory field, uint256 got) internal {
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.BadSpec.selector, field, got));
        vm.prank(author);
        models.register(spec);
    }

    function testFuzz_isContentAddressed(bytes32 onnx, bytes32 quant, uint16 outputs, int8 decimals, bool hidden)
        public
    {
        vm.assume(onnx != 0 && quant != 0);
        IModelRegistry.ModelSpec memory spec = _new();
        spec.onnxHash = onnx;
        spec.quantHash = quant;
        spec.nOutputs = uint16(_edgy(outputs, 1, 12));
        spec.outputDecimals = int8(bound(decimals, -18, 18));
        spec.isPrivate = hidden;
        bytes32 id = keccak256(abi.encode(spec));
        assertEq(models.computeId(spec), id);
        vm.expectEmit(address(models));
        emit IModelRegistry.ModelRegistered(id, author, spec);
        vm.prank(author);
        assertEq(models.register(spec), id);
        assertEq(keccak256(abi.encode(models.specOf(id))), id);
        assertEq(models.vkDigestOf(id, 2), spec.vkDigests[1]);
        assertEq(models.vkDigestOf(id, 0), 0);
        assertEq(models.vkDigestOf(id, 4), 0);
        assertEq(models.wordsPerSlot(id), 1 + (spec.nOutputs + 2) / 3);
    }

    function test_countsPublicWords() public view {
        assertEq(models.publicWordsOf(mixedModel), 2);
        assertEq(models.wordsPerSlot(mixedModel), 5);
        assertEq(models.publicWordsOf(model), 0);
    }

    function testFuzz_onlyTheAuthorRegisters(address caller) public {
        vm.assume(caller != author);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotAuthor.selector, author, caller));
        vm.prank(caller);
        models.register(_new());
    }

    function test_refusesTheSameTwice() public {
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 3);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.ModelExists.selector, model));
        vm.prank(author);
        models.register(spec);
    }

    function test_refusesZeroHashes() public {
        IModelRegistry.ModelSpec memory spec = _new();
        spec.onnxHash = 0;
        _refused(spec, "onnxHash", 0);
        spec = _new();
        spec.quantHash = 0;
        _refused(spec, "quantHash", 0);
    }

    function testFuzz_refusesOutputs(uint16 count, int8 decimals) public {
        IModelRegistry.ModelSpec memory spec = _new();
        spec.nOutputs = uint16(_edgy(count, 46, type(uint16).max));
        _refused(spec, "nOutputs", spec.nOutputs);
        spec.nOutputs = 0;
        _refused(spec, "nOutputs", 0);
        vm.assume(decimals > 18 || decimals < -18);
        spec = _new();
        spec.outputDecimals = decimals;
        _refused(spec, "outputDecimals", uint256(int256(decimals)));
    }

    function testFuzz_refusesSources(uint8 kind, uint32 length, bytes32 feedId) public {
        IModelRegistry.ModelSpec memory spec = _new();
        spec.sources[0].kind = uint8(_edgy(kind, 2, 255));
        _refused(spec, "kind", spec.sources[0].kind);
        spec = _new();
        spec.sources[0].length = uint32(_edgy(length, (1 << 16) + 1, type(uint32).max));
        _refused(spec, "length", spec.sources[0].length);
        vm.assume(feedId != 0);
        spec = _new();
        spec.sources[0].kind = 1;
        spec.sources[0].feedId = feedId;
        _refused(spec, "feedId", uint256(feedId));
        spec.sources = new IModelRegistry.Source[](0);
        _refused(spec, "sources", 0);
        spec.sources = _committed(16);
        _refused(spec, "sources", 16);
    }

    function testFuzz_refusesFeedOfAnotherLength(uint32 length) public {
        length = uint32(_edgy(length, 1, 1 << 16));
        vm.assume(length != 16);
        IModelRegistry.ModelSpec memory spec = _new();
        spec.sources[0].length = length;
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.SourceLengthMismatch.selector, feed, 16, length));
        vm.prank(author);
        models.register(spec);
    }

    function testFuzz_refusesUnknownFeed(bytes32 feedId) public {
        vm.assume(feedId != feed);
        IModelRegistry.ModelSpec memory spec = _new();
        spec.sources[0].feedId = feedId;
        vm.expectRevert(abi.encodeWithSelector(IFeedRegistry.FeedUnknown.selector, feedId));
        vm.prank(author);
        models.register(spec);
    }

    function testFuzz_refusesDigestOutsideField(uint256 digest) public {
        digest = _edgy(digest, Words.R, type(uint256).max);
        IModelRegistry.ModelSpec memory spec = _new();
        spec.vkDigests[1] = digest;
        _refused(spec, "vkDigests", digest);
    }

    /// A batch whose words do not fit the shape could never be proved.
    function testFuzz_refusesBatchBeyondTheWords(uint8 batch) public {
        batch = uint8(_edgy(batch, 8, 40));
        IModelRegistry.ModelSpec memory spec = _new();
        spec.vkDigests = new uint256[](batch);
        spec.vkDigests[batch - 1] = 1;
        _refused(spec, "words", 1 + uint256(batch) * 2);
    }

    function test_refusesInconsistentKeys() public {
        IModelRegistry.ModelSpec memory spec = _new();
        spec.shape = 0;
        _refused(spec, "shape", 0);
        spec = _new();
        spec.vkDigests = new uint256[](2);
        _refused(spec, "shape", SHAPE);
        spec = _new();
        spec.directProofLength = 0;
        _refused(spec, "directProofLength", 0);
        spec.directProofLength = 321;
        _refused(spec, "directProofLength", 321);
        spec = _new();
        spec.directVerifierCodeHash = 0;
        _refused(spec, "directProofLength", DIRECT_PROOF);
        spec.directProofLength = 0;
        spec.shape = 0;
        spec.vkDigests = new uint256[](0);
        _refused(spec, "keys", 0);
    }

    function test_directVerifierOnceAndByCodeHash() public {
        vm.prank(author);
        bytes32 id = models.register(_new());
        bytes32 expected = address(directRaw).codehash;
        address wrong = address(router);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.CodeHashMismatch.selector, expected, wrong.codehash));
        models.setDirectVerifier(id, wrong);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.CodeHashMismatch.selector, expected, bytes32(0)));
        models.setDirectVerifier(id, address(0xdead));
        models.setDirectVerifier(id, address(directRaw));
        assertEq(models.directVerifierOf(id), address(directRaw));
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.DirectVerifierAlreadySet.selector, id, address(directRaw))
        );
        models.setDirectVerifier(id, address(directRaw));
    }

    /// A model without direct mode has code hash 0, which is also that of an account that does not exist.
    function testFuzz_noVerifierForModelsWithoutDirectMode(address verifier) public {
        IModelRegistry.ModelSpec memory spec = _new();
        spec.directVerifierCodeHash = 0;
        spec.directProofLength = 0;
        bytes32 id = _register(spec);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.CodeHashMismatch.selector, bytes32(0), verifier.codehash));
        models.setDirectVerifier(id, verifier);
    }
}
