// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../../src/interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../../src/interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IProofVerifier} from "../../src/interfaces/IVerifier.sol";
import {Words} from "../../src/libraries/Words.sol";
import {Base} from "../Base.sol";

contract FulfilTest is Base {
    function _open(bytes32 modelId, uint8 mode) internal returns (Delivery memory) {
        return _delivery(_request(_params(modelId, mode)), modelId, mode);
    }

    function testFuzz_delivers(bool aggregate, uint8 which) public {
        bytes32 modelId = [model, mixedModel, quorumModel][which % 3];
        Delivery memory d = _prove(_open(modelId, aggregate ? AGGREGATED : DIRECT));
        uint256 fee = oracle.requestOf(d.ids[0]).fee;
        IDodonaOracle.Outcome[] memory outcomes = _fulfil(d);
        assertEq(outcomes.length, 1);
        assertEq(uint256(outcomes[0]), uint256(IDodonaOracle.Outcome.Delivered));
        assertEq(_status(d.ids[0]), uint256(IDodonaOracle.Status.Fulfilled));
        assertEq(oracle.creditOf(address(0), operator), fee);
        assertEq(oracle.totalEscrow(address(0)), 0);
        assertEq(oracle.totalCredits(address(0)), fee);

        IDodonaOracle.Answer memory answer = oracle.answerOf(d.ids[0]);
        assertEq(answer.modelId, modelId);
        assertEq(answer.observedAt, d.slots[0].observations[0].header.observedAt);
        assertEq(answer.validUntil, d.slots[0].observations[0].header.validUntil);
        assertEq(answer.fulfilledAt, START);
        assertTrue(answer.inDomain && answer.unsaturated);
        assertEq(answer.outputs.length, modelId == model ? 3 : modelId == mixedModel ? 4 : 1);
        assertEq(answer.outputs[0], 650_000);
        if (modelId == mixedModel) assertEq(answer.outputs[3], -3);
    }

    function testFuzz_flagsAreDeliveredAsProved(bool inDomain, bool unsaturated, int64 a, int64 b, int64 c) public {
        Delivery memory d = _open(model, DIRECT);
        int64[] memory outputs = new int64[](3);
        (outputs[0], outputs[1], outputs[2]) = (a, b, c);
        d.slots[0].outputWords = Words.packOutputs(outputs, inDomain, unsaturated);
        _prove(d);
        uint256[] memory commitments = new uint256[](1);
        commitments[0] = 7_001;
        vm.expectEmit(address(oracle));
        emit IDodonaOracle.Fulfilled(
            d.ids[0],
            model,
            operator,
            0.001 ether,
            d.slots[0].observations[0].header.observedAt,
            d.slots[0].observations[0].header.validUntil,
            inDomain,
            unsaturated,
            commitments,
            outputs
        );
        _fulfil(d);
        IDodonaOracle.Answer memory answer = oracle.answerOf(d.ids[0]);
        assertEq(answer.inDomain, inDomain);
        assertEq(answer.unsaturated, unsaturated);
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(answer.outputs[i], outputs[i]);
        }
    }

    /// `validUntil` has 48 bits; what does not fit is without end.
    function testFuzz_validUntilIsKept(uint64 validUntil) public {
        Delivery memory d = _open(model, DIRECT);
        IFeedRegistry.ObservationHeader memory header = _header(7_001);
        header.validUntil = uint64(bound(validUntil, START, type(uint64).max));
        d.slots[0].observations[0] = _sign(header, key1);
        _fulfil(_prove(d));
        uint64 expected = header.validUntil < (1 << 48) - 1 ? header.validUntil : type(uint64).max;
        assertEq(oracle.answerOf(d.ids[0]).validUntil, expected);
        assertEq(oracle.requestOf(d.ids[0]).deadline, 0);
    }

    /// The longest wait that a request allows still fits beside the answer.
    function testFuzz_fulfilledAtIsKept(uint64 wait) public {
        IDodonaOracle.RequestParams memory params = _params(model, DIRECT);
        params.deadline = uint64(START + oracle.MAX_LIFETIME());
        Delivery memory d = _delivery(_request(params), model, DIRECT);
        d.expiry = params.deadline;
        _prove(d);
        vm.warp(bound(wait, START, params.deadline));
        _fulfil(d);
        IDodonaOracle.Answer memory answer = oracle.answerOf(d.ids[0]);
        assertEq(answer.fulfilledAt, block.timestamp);
        assertEq(answer.observedAt, d.slots[0].observations[0].header.observedAt);
        assertEq(oracle.requestOf(d.ids[0]).createdAt, START);
    }

    /// An operator changes an answer by one unit after proving it.
    function testFuzz_refusesChangedAnswer(bool aggregate, uint8 lane, bool up) public {
        Delivery memory d = _prove(_open(model, aggregate ? AGGREGATED : DIRECT));
        uint256 unit = 1 << (64 * (lane % 3));
        d.slots[0].outputWords[0] = up ? d.slots[0].outputWords[0] + unit : d.slots[0].outputWords[0] - unit;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    /// An operator shows another observation, signed by the same publisher, than the one it proved.
    function testFuzz_refusesChangedCommitment(bool aggregate, uint256 commitment) public {
        commitment = bound(commitment, 0, Words.R - 1);
        vm.assume(commitment != 7_001);
        Delivery memory d = _prove(_open(model, aggregate ? AGGREGATED : DIRECT));
        d.slots[0].observations[0] = _sign(_header(commitment), key1);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function testFuzz_refusesFlippedProofByte(bool aggregate, uint256 at) public {
        Delivery memory d = _prove(_open(model, aggregate ? AGGREGATED : DIRECT));
        // The last of each limb's bytes, so that the limb stays in range, or any byte of the proof proper.
        at = aggregate ? bound(at, 0, 11 + OUTER_PROOF) : bound(at, 0, DIRECT_PROOF - 1);
        uint256 index = aggregate ? (at < 12 ? at * 32 + 31 : 384 + at - 12) : at;
        d.proof[index] ^= 0x02;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofRefused.selector));
    }

    function testFuzz_refusesProofLength(bool aggregate, uint256 length) public {
        Delivery memory d = _prove(_open(model, aggregate ? AGGREGATED : DIRECT));
        length = bound(length, 0, 2 * d.proof.length);
        vm.assume(length != d.proof.length);
        uint256 expected = d.proof.length;
        d.proof = _bytesOf(length);
        _expectFulfilRevert(d, abi.encodeWithSelector(IProofVerifier.ProofLength.selector, expected, length));
    }

    /// v + r proves the same as v to a generated verifier.
    function testFuzz_refusesWordPlusOrder(bool aggregate) public {
        Delivery memory d = _prove(_open(model, aggregate ? AGGREGATED : DIRECT));
        uint256 word = d.slots[0].outputWords[0] + Words.R;
        d.slots[0].outputWords[0] = word;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.WordNotInField.selector, 2, word));
    }

    function testFuzz_refusesStrayBits(uint8 bit) public {
        bit = uint8(bound(bit, 194, 252));
        Delivery memory d = _open(model, DIRECT);
        d.slots[0].outputWords[0] |= 1 << bit;
        _prove(d);
        bytes memory reason =
            abi.encodeWithSelector(IDodonaOracle.OutputWordMalformed.selector, d.ids[0], 0, d.slots[0].outputWords[0]);
        _expectFulfilRevert(d, reason);
    }

    function testFuzz_refusesOutputWordCount(uint8 count) public {
        count = uint8(bound(count, 0, 10));
        vm.assume(count != 1);
        Delivery memory d = _open(model, DIRECT);
        d.slots[0].outputWords = new uint256[](count);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.OutputWordCount.selector, d.ids[0], 1, count));
    }

    function testFuzz_refusesOtherPublicWords(uint256 word) public {
        Delivery memory d = _open(mixedModel, DIRECT);
        vm.assume(word != d.slots[0].publicWords[1]);
        d.slots[0].publicWords[1] = word;
        _prove(d);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.PublicWordsMismatch.selector, d.ids[0]));
    }

    function testFuzz_refusesAfterExpiry(uint64 late) public {
        Delivery memory d = _prove(_open(model, DIRECT));
        vm.warp(bound(late, uint256(d.expiry) + 1, type(uint64).max));
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ProofExpired.selector, d.expiry, block.timestamp));
    }

    function testFuzz_refusesAfterDeadline(uint64 late) public {
        Delivery memory d = _open(model, DIRECT);
        d.expiry = type(uint64).max;
        _prove(d);
        uint256 deadline = oracle.requestOf(d.ids[0]).deadline;
        vm.warp(bound(late, deadline + 1, type(uint64).max));
        _expectFulfilRevert(
            d, abi.encodeWithSelector(IDodonaOracle.DeadlinePassed.selector, d.ids[0], deadline, block.timestamp)
        );
    }

    function test_deliversInTheDeadlinesSecond() public {
        Delivery memory d = _prove(_open(model, DIRECT));
        vm.warp(oracle.requestOf(d.ids[0]).deadline);
        vm.expectRevert(
            abi.encodeWithSelector(IDodonaOracle.DeadlineNotPassed.selector, d.ids[0], block.timestamp, block.timestamp)
        );
        oracle.refund(d.ids[0]);
        _fulfil(d);
        assertEq(_status(d.ids[0]), uint256(IDodonaOracle.Status.Fulfilled));
    }

    function testFuzz_refusesUnknownId(bytes32 id) public {
        Delivery memory d = _open(model, DIRECT);
        vm.assume(id != d.ids[0]);
        d.ids[0] = id;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.RequestUnknown.selector, id));
    }

    function testFuzz_refusesOtherModeThanAsked(bool aggregate) public {
        Delivery memory d = _open(model, aggregate ? AGGREGATED : DIRECT);
        uint8 asked = d.mode;
        d.mode = 1 - d.mode;
        _prove(d);
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ModeMismatch.selector, d.ids[0], asked, d.mode));
    }

    function test_refusesZeroPayee() public {
        Delivery memory d = _open(model, DIRECT);
        d.payee = address(0);
        _expectFulfilRevert(_prove(d), abi.encodeWithSelector(IDodonaOracle.ZeroPayee.selector));
    }

    function test_refusesDirectModelWithoutVerifier() public {
        IModelRegistry.ModelSpec memory spec = _spec(_committed(1), 3);
        spec.quantHash = keccak256("another");
        vm.prank(author);
        bytes32 id = models.register(spec);
        Delivery memory d = _delivery(_request(_params(id, DIRECT)), model, DIRECT);
        _expectFulfilRevert(_prove(d), abi.encodeWithSelector(IDodonaOracle.DirectVerifierNotSet.selector, id));
    }

    function test_refusesModeOutsideRange() public {
        Delivery memory d = _open(model, DIRECT);
        d.mode = 2;
        _expectFulfilRevert(d, abi.encodeWithSelector(IDodonaOracle.ModeMismatch.selector, d.ids[0], 0, 2));
    }

    function _bytesOf(uint256 length) internal pure returns (bytes memory data) {
        data = _bytes(length, 1);
        assembly {
            mstore(data, length)
        }
    }
}
