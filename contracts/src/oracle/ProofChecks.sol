// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IProofVerifier, IVerifierRouter} from "../interfaces/IVerifier.sol";
import {ProofContext} from "../libraries/ProofContext.sol";
import {Words} from "../libraries/Words.sol";

/// @title ProofChecks
/// @notice What requests and subscriptions share: building the instance words of a batch, checking its observations,
/// and asking the verifier. It keeps nothing.
/// @dev Two kinds of "wrong": what makes the instance ill-formed reverts; what is wrong with one slot's observations
/// comes back as a reason (an ABI-encoded error), so that it need not sink the batch. Assumes that registries and
/// router are this project's own: their answers are believed, their errors always carry data.
abstract contract ProofChecks {
    /// @dev What all slots of one proof share.
    struct Batch {
        bytes32 modelId;
        uint8 mode;
        uint32 version;
        uint256 size;
        uint256 perSlot;
        uint256 committed;
        uint256 publicWords;
        IModelRegistry.ModelSpec spec;
    }

    /// @dev What the observations of one slot are measured against.
    struct Rules {
        uint256 asOf;
        uint256 maxDataAge;
        uint256 maxDeliveryAge;
        bool allowLater;
        bool fixedBefore;
    }

    /// @dev What observations say, or why they are refused.
    struct Facts {
        uint64 observedAt;
        uint64 validUntil;
        bytes reason;
    }

    uint8 internal constant DIRECT = 0;
    uint8 internal constant AGGREGATED = 1;
    /// @dev Words of an aggregated instance.
    uint256 internal constant INSTANCE_WORDS = 16;

    IModelRegistry internal immutable _models;
    IFeedRegistry internal immutable _feeds;
    IVerifierRouter internal immutable _router;

    constructor(IModelRegistry models_, IFeedRegistry feeds_, IVerifierRouter router_) {
        address feedsOfModels = address(models_.feeds());
        if (feedsOfModels != address(feeds_)) {
            revert IDodonaOracle.FeedRegistryMismatch(feedsOfModels, address(feeds_));
        }
        _models = models_;
        _feeds = feeds_;
        _router = router_;
    }

    // ---------------------------------------------------------------- asking

    /// @dev The version that is meant, after checking that the model has a key for the mode and that nobody froze it.
    function _resolveVersion(bytes32 modelId, uint8 mode, uint32 asked, IModelRegistry.ModelSpec memory spec)
        internal
        view
        returns (uint32)
    {
        uint32 shape = mode == AGGREGATED ? spec.shape : 0;
        bool supported = mode == AGGREGATED ? shape != 0 : spec.directVerifierCodeHash != 0;
        if (!supported) revert IDodonaOracle.ModeNotSupported(modelId, mode);
        if (asked == 0) return _router.latestOf(mode, shape);
        IVerifierRouter.Version memory entry = _router.versionOf(asked);
        if (entry.mode != mode || entry.shape != shape) {
            revert IDodonaOracle.VerifierVersionMismatch(asked, mode, shape);
        }
        if (_router.isFrozen(asked)) revert IVerifierRouter.VersionFrozen(asked);
        return asked;
    }

    /// @return hash 0 if the model has no public sources
    function _checkPublicWords(uint256[] calldata words, IModelRegistry.Source[] memory sources)
        internal
        pure
        returns (bytes32 hash)
    {
        (, uint256 expected) = _count(sources);
        if (words.length != expected) revert IDodonaOracle.PublicWordCount(expected, words.length);
        if (expected == 0) return 0;
        for (uint256 i = 0; i < expected; ++i) {
            if (words[i] >= Words.R) revert IDodonaOracle.WordNotInField(i, words[i]);
        }
        hash = keccak256(abi.encodePacked(words));
    }

    // -------------------------------------------------------------- instance

    function _openBatch(bytes32 modelId, uint8 mode, uint32 version, uint256 size)
        internal
        view
        returns (Batch memory batch)
    {
        batch.modelId = modelId;
        batch.mode = mode;
        batch.version = version;
        batch.size = size;
        batch.spec = _models.specOf(modelId);
        bool supported =
            mode == DIRECT ? size == 1 : size <= batch.spec.vkDigests.length && batch.spec.vkDigests[size - 1] != 0;
        if (!supported) revert IDodonaOracle.BatchSizeNotSupported(modelId, mode, size);
        (batch.committed, batch.publicWords) = _count(batch.spec.sources);
        batch.perSlot = batch.committed + batch.publicWords + Words.outputWords(batch.spec.nOutputs);
    }

    function _count(IModelRegistry.Source[] memory sources)
        internal
        pure
        returns (uint256 committed, uint256 publicWords)
    {
        for (uint256 s = 0; s < sources.length; ++s) {
            if (sources[s].kind == 0) ++committed;
            else publicWords += Words.inputWords(sources[s].length);
        }
    }

    /// @dev Aggregated: padded with zeros to the shape's words. Direct: exactly the words in use.
    function _newWords(Batch memory batch) internal pure returns (uint256[] memory) {
        uint256 used = 1 + batch.size * batch.perSlot;
        if (batch.mode == DIRECT) return new uint256[](used);
        if (used > INSTANCE_WORDS) revert IDodonaOracle.TooManyWords(INSTANCE_WORDS, used);
        return new uint256[](INSTANCE_WORDS);
    }

    /// @dev Writes one slot's words, whatever becomes of it: they are part of the statement.
    function _fillSlot(
        Batch memory batch,
        bytes32 id,
        IDodonaOracle.Slot calldata slot,
        uint256[] memory words,
        uint256 at
    ) internal pure {
        IDodonaOracle.SignedHeader[] calldata observations = slot.observations;
        _checkObservationCount(id, batch.committed, observations.length);
        if (slot.publicWords.length != batch.publicWords) {
            revert IDodonaOracle.PublicWordCount(batch.publicWords, slot.publicWords.length);
        }
        IModelRegistry.Source[] memory sources = batch.spec.sources;
        uint256 observation = 0;
        uint256 word = 0;
        // Indices stay below the lengths that were just checked.
        unchecked {
            for (uint256 s = 0; s < sources.length; ++s) {
                if (sources[s].kind == 0) {
                    words[at++] = observations[observation++].header.commitment;
                } else {
                    uint256 end = word + Words.inputWords(sources[s].length);
                    while (word < end) words[at++] = slot.publicWords[word++];
                }
            }
        }
        _fillOutputs(batch.spec.nOutputs, id, slot.outputWords, words, at);
    }

    function _fillOutputs(uint256 nOutputs, bytes32 id, uint256[] calldata outputs, uint256[] memory words, uint256 at)
        private
        pure
    {
        uint256 expected = Words.outputWords(nOutputs);
        if (outputs.length != expected) revert IDodonaOracle.OutputWordCount(id, expected, outputs.length);
        for (uint256 i = 0; i < expected; ++i) {
            uint256 word = outputs[i];
            if (word >= Words.R) revert IDodonaOracle.WordNotInField(at + i, word);
            if (word & ~Words.outputMask(i, nOutputs) != 0) revert IDodonaOracle.OutputWordMalformed(id, i, word);
            words[at + i] = word;
        }
    }

    function _contextOf(bytes32[] memory ids, uint8 mode, address payee, uint64 expiry)
        internal
        view
        returns (uint256)
    {
        return ProofContext.compute(block.chainid, address(this), mode, ids, payee, expiry);
    }

    // ---------------------------------------------------------- observations

    function _checkObservationCount(bytes32 id, uint256 expected, uint256 got) internal pure {
        if (got != expected) revert IDodonaOracle.ObservationCount(id, expected, got);
    }

    /// @dev Fills `facts`. One observation per committed source, their number already checked. Those that were
    /// `fixedBefore` had all of this checked then; now only signature, set and revocation are asked for again.
    function _examine(
        IModelRegistry.Source[] memory sources,
        bytes32 id,
        IDodonaOracle.SignedHeader[] calldata observations,
        Rules memory rules,
        Facts memory facts
    ) internal view {
        facts.observedAt = uint64(rules.asOf);
        facts.validUntil = type(uint64).max;
        address[] memory publishers = new address[](observations.length);
        uint256 n = 0;
        for (uint256 s = 0; s < sources.length; ++s) {
            if (sources[s].kind != 0) continue;
            IDodonaOracle.SignedHeader calldata observation = observations[n];
            bytes memory reason;
            (publishers[n], reason) = _examineOne(id, s, sources[s].feedId, observation, rules);
            if (reason.length == 0 && n != 0 && !rules.fixedBefore) {
                reason = _examineQuorum(id, observations, publishers, n);
            }
            if (reason.length != 0) {
                facts.reason = reason;
                return;
            }
            _take(facts, observation.header, n == 0);
            ++n;
        }
        uint256 maxAge = rules.maxDeliveryAge;
        if (maxAge != 0 && block.timestamp > facts.observedAt + maxAge) {
            facts.reason = abi.encodeWithSelector(
                IDodonaOracle.DeliveredTooLate.selector, id, block.timestamp - maxAge, facts.observedAt
            );
        }
    }

    function _take(Facts memory facts, IFeedRegistry.ObservationHeader calldata header, bool first) private pure {
        (uint64 observedAt, uint64 validUntil) = (header.observedAt, header.validUntil);
        if (first || observedAt < facts.observedAt) facts.observedAt = observedAt;
        if (validUntil < facts.validUntil) facts.validUntil = validUntil;
    }

    function _examineOne(
        bytes32 id,
        uint256 source,
        bytes32 feedId,
        IDodonaOracle.SignedHeader calldata observation,
        Rules memory rules
    ) private view returns (address publisher, bytes memory reason) {
        IFeedRegistry.ObservationHeader calldata header = observation.header;
        if (header.feedId != feedId) {
            reason = abi.encodeWithSelector(IDodonaOracle.WrongFeed.selector, id, source, feedId, header.feedId);
            return (publisher, reason);
        }
        if (rules.fixedBefore) return (publisher, _recheck(observation));
        try _feeds.verify(header, observation.signature) returns (address signer) {
            return (signer, _examineAge(id, header, rules));
        } catch (bytes memory refusal) {
            return (publisher, _decided(refusal));
        }
    }

    /// @return reason empty if the registry still stands by an observation that passed the whole check before
    function _recheck(IDodonaOracle.SignedHeader calldata observation) internal view returns (bytes memory reason) {
        try _feeds.recheck(observation.header, observation.signature) returns (address) {}
        catch (bytes memory refusal) {
            reason = _decided(refusal);
        }
    }

    /// @dev The registry always says why it refuses. Nothing to say means that it ran out of gas, which decides
    /// nothing: nobody may turn a good observation into a bad one by sending too little.
    function _decided(bytes memory refusal) private pure returns (bytes memory) {
        if (refusal.length == 0) revert IDodonaOracle.CheckRanOutOfGas();
        return refusal;
    }

    function _examineAge(bytes32 id, IFeedRegistry.ObservationHeader calldata header, Rules memory rules)
        private
        view
        returns (bytes memory)
    {
        uint256 observedAt = header.observedAt;
        uint256 latest = rules.asOf;
        uint256 earliest = rules.maxDataAge > latest ? 0 : latest - rules.maxDataAge;
        if (observedAt > latest && rules.allowLater) latest += _feeds.feedOf(header.feedId).period;
        if (observedAt < earliest || observedAt > latest) {
            return
                abi.encodeWithSelector(IDodonaOracle.ObservationOutOfWindow.selector, id, earliest, latest, observedAt);
        }
        if (header.validUntil < rules.asOf) {
            return
                abi.encodeWithSelector(
                    IDodonaOracle.ObservationNoLongerValid.selector, id, rules.asOf, header.validUntil
                );
        }
        return "";
    }

    /// @dev Source slots of one feed are filled by different publishers that saw the same moment.
    function _examineQuorum(
        bytes32 id,
        IDodonaOracle.SignedHeader[] calldata observations,
        address[] memory publishers,
        uint256 n
    ) private pure returns (bytes memory) {
        IFeedRegistry.ObservationHeader calldata header = observations[n].header;
        for (uint256 t = 0; t < n; ++t) {
            IFeedRegistry.ObservationHeader calldata other = observations[t].header;
            if (other.feedId != header.feedId) continue;
            if (publishers[t] == publishers[n]) {
                return abi.encodeWithSelector(IDodonaOracle.PublisherNotDistinct.selector, id, publishers[n]);
            }
            if (other.observedAt != header.observedAt) {
                return abi.encodeWithSelector(
                    IDodonaOracle.MixedObservations.selector, id, other.observedAt, header.observedAt
                );
            }
        }
        return "";
    }

    // ----------------------------------------------------------------- proof

    function _checkProof(Batch memory batch, uint256[] memory words, bytes calldata proof) internal view {
        IProofVerifier verifier = IProofVerifier(_router.verifierOf(batch.version));
        uint256 key;
        if (batch.mode == AGGREGATED) {
            key = batch.spec.vkDigests[batch.size - 1];
        } else {
            address direct = _models.directVerifierOf(batch.modelId);
            if (direct == address(0)) revert IDodonaOracle.DirectVerifierNotSet(batch.modelId);
            key = uint256(uint160(direct));
        }
        if (!verifier.verify(key, words, batch.spec.directProofLength, proof)) revert IDodonaOracle.ProofRefused();
    }

    /// @dev Reverts with an error that was kept as bytes.
    function _revertWith(bytes memory reason) internal pure {
        assembly ("memory-safe") {
            revert(add(reason, 0x20), mload(reason))
        }
    }
}
