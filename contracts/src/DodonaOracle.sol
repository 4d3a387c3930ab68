// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDodonaCallback, IDodonaOracle} from "./interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "./interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IProofVerifier, IVerifierRouter} from "./interfaces/IVerifier.sol";
import {ProofContext} from "./libraries/ProofContext.sol";
import {SafeCall} from "./libraries/SafeCall.sol";
import {Words} from "./libraries/Words.sol";

/// @title DodonaOracle
/// @notice See IDodonaOracle. The owner sets the prices of new requests and can do nothing else: no answer, no request
/// and nobody's funds are within its reach.
/// @dev Order of `fulfil`: checks, proof, state, callbacks. Operators' `accept` and stake are not in this form.
contract DodonaOracle is IDodonaOracle, Ownable2Step, ReentrancyGuardTransient {
    /// @dev What is kept of an answer; words past the first only for more than three outputs.
    struct StoredAnswer {
        uint64 observedAt;
        uint64 validUntil;
        uint64 fulfilledAt;
        bool callbackFailed;
        uint256 firstWord;
        uint256[] furtherWords;
    }

    /// @dev What all slots of one `fulfil` share.
    struct Batch {
        bytes32 modelId;
        uint8 mode;
        uint32 version;
        uint256 perSlot;
        IModelRegistry.ModelSpec spec;
    }

    /// @dev What a slot says, as it is delivered.
    struct Facts {
        uint64 observedAt;
        uint64 validUntil;
        uint256[] commitments;
        int64[] outputs;
    }

    uint8 private constant DIRECT = 0;
    uint8 private constant AGGREGATED = 1;
    /// @dev Bytes of a callback's revert data that are copied.
    uint256 private constant MAX_REASON = 256;

    /// @inheritdoc IDodonaOracle
    uint32 public constant MAX_CALLBACK_GAS = 5_000_000;
    /// @inheritdoc IDodonaOracle
    uint64 public constant MAX_LIFETIME = 30 days;
    /// @inheritdoc IDodonaOracle
    uint256 public constant AGGREGATED_WORDS = 16;

    IModelRegistry private immutable _models;
    IFeedRegistry private immutable _feeds;
    IVerifierRouter private immutable _router;

    /// @notice Least fee of a direct request without callback, wei.
    uint256 public directFee;
    /// @notice Least fee of an aggregated request without callback, wei.
    uint256 public aggregatedFee;
    /// @notice Price of a unit of callback gas, wei.
    uint256 public callbackGasPrice;

    /// @inheritdoc IDodonaOracle
    uint256 public nextNonce;
    uint128 private _escrow;
    uint128 private _credits;

    mapping(bytes32 id => Request) private _requests;
    mapping(bytes32 id => StoredAnswer) private _answers;
    mapping(address account => uint256) private _creditOf;

    /// @param owner_ sets prices.
    /// @param models_ model registry; must use the same feed registry.
    /// @param feeds_ feed registry.
    /// @param router_ verifier versions.
    /// @param directFee_ wei.
    /// @param aggregatedFee_ wei.
    /// @param callbackGasPrice_ wei per unit of callback gas.
    constructor(
        address owner_,
        IModelRegistry models_,
        IFeedRegistry feeds_,
        IVerifierRouter router_,
        uint256 directFee_,
        uint256 aggregatedFee_,
        uint256 callbackGasPrice_
    ) Ownable(owner_) {
        address feedsOfModels = address(models_.feeds());
        if (feedsOfModels != address(feeds_)) revert FeedRegistryMismatch(feedsOfModels, address(feeds_));
        _models = models_;
        _feeds = feeds_;
        _router = router_;
        _setPrices(directFee_, aggregatedFee_, callbackGasPrice_);
    }

    // ------------------------------------------------------------------ asking

    /// @notice Owner: prices of new requests (wei; wei per unit of callback gas). Open requests keep their fee.
    function setPrices(uint256 directFee_, uint256 aggregatedFee_, uint256 callbackGasPrice_) external onlyOwner {
        _setPrices(directFee_, aggregatedFee_, callbackGasPrice_);
    }

    /// @inheritdoc IDodonaOracle
    function quote(RequestParams calldata params) public view returns (uint256 fee) {
        if (params.mode > AGGREGATED) revert UnknownMode(params.mode);
        fee = params.mode == DIRECT ? directFee : aggregatedFee;
        fee += params.callbackGasLimit * callbackGasPrice;
    }

    /// @inheritdoc IDodonaOracle
    function request(RequestParams calldata params) external payable returns (bytes32 id) {
        _checkParams(params);
        IModelRegistry.ModelSpec memory spec = _models.openSpecOf(params.modelId);
        uint32 version = _resolveVersion(params, spec);
        uint256 nonce = nextNonce++;
        id = requestIdOf(msg.sender, nonce, params);
        _store(id, params, version, _checkPublicWords(params.publicWords, spec.sources));
        _escrow += uint128(msg.value);
        emit Requested(id, params.modelId, msg.sender, nonce, uint64(block.timestamp), msg.value, version, params);
    }

    /// @inheritdoc IDodonaOracle
    function refund(bytes32 id) external nonReentrant {
        Request storage stored = _requests[id];
        if (stored.status != Status.Open) revert RequestNotOpen(id, stored.status);
        if (block.timestamp <= stored.deadline) revert DeadlineNotPassed(id, stored.deadline, block.timestamp);
        stored.status = Status.Refunded;
        address to = stored.refundTo;
        uint256 amount = stored.fee;
        _credit(to, amount);
        emit Refunded(id, to, amount);
    }

    // --------------------------------------------------------------- answering

    /// @inheritdoc IDodonaOracle
    function fulfil(
        bytes32[] calldata ids,
        uint8 mode,
        address payee,
        uint64 expiry,
        Slot[] calldata slots,
        bytes calldata proof
    ) external nonReentrant returns (Outcome[] memory outcomes) {
        if (ids.length == 0) revert EmptyBatch();
        if (slots.length != ids.length) revert SlotCount(ids.length, slots.length);
        if (payee == address(0)) revert ZeroPayee();
        if (block.timestamp > expiry) revert ProofExpired(expiry, block.timestamp);

        Batch memory batch = _openBatch(ids, mode);
        outcomes = _outcomesOf(ids, batch);
        uint256[] memory words = _newWords(batch, ids.length);
        words[0] = contextOf(ids, mode, payee, expiry);
        Facts[] memory facts = new Facts[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            facts[i] = _fillSlot(batch, ids[i], slots[i], words, 1 + i * batch.perSlot, outcomes[i]);
        }
        _checkProof(batch, ids.length, words, proof);
        for (uint256 i = 0; i < ids.length; ++i) {
            if (outcomes[i] == Outcome.Delivered) _settle(batch, ids[i], slots[i], facts[i], payee);
            else emit Skipped(ids[i], outcomes[i]);
        }
        for (uint256 i = 0; i < ids.length; ++i) {
            if (outcomes[i] == Outcome.Delivered) _callback(ids[i]);
        }
    }

    /// @inheritdoc IDodonaOracle
    function retryCallback(bytes32 id) external nonReentrant {
        StoredAnswer storage stored = _answers[id];
        if (!stored.callbackFailed) revert NoFailedCallback(id);
        stored.callbackFailed = false;
        address requester = _requests[id].requester;
        bytes memory data = abi.encodeCall(IDodonaCallback.onDodonaAnswer, (id, answerOf(id)));
        uint256 required = SafeCall.gasFor(_requests[id].callbackGasLimit);
        uint256 left = gasleft();
        if (left < required) revert InsufficientCallbackGas(required, left);
        (bool ok, bytes memory reason) = SafeCall.callWithGas(requester, left - left / 64, data, MAX_REASON);
        if (!ok) revert CallbackRefused(reason);
        emit CallbackRetried(id, requester);
    }

    /// @inheritdoc IDodonaOracle
    function withdraw(address payable to) external nonReentrant returns (uint256 amount) {
        amount = _creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        _creditOf[msg.sender] = 0;
        _credits -= uint128(amount);
        emit Withdrawn(msg.sender, to, amount);
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(to, amount);
    }

    // ----------------------------------------------------------------- reading

    /// @inheritdoc IDodonaOracle
    function requestOf(bytes32 id) external view returns (Request memory stored) {
        stored = _requests[id];
        if (stored.status == Status.None) revert RequestUnknown(id);
    }

    /// @inheritdoc IDodonaOracle
    function statusOf(bytes32 id) external view returns (Status) {
        return _requests[id].status;
    }

    /// @inheritdoc IDodonaOracle
    function answerOf(bytes32 id) public view returns (Answer memory answer) {
        Request storage asked = _requests[id];
        if (asked.status != Status.Fulfilled) revert RequestNotOpen(id, asked.status);
        StoredAnswer storage stored = _answers[id];
        answer.modelId = asked.modelId;
        answer.observedAt = stored.observedAt;
        answer.validUntil = stored.validUntil;
        answer.fulfilledAt = stored.fulfilledAt;
        uint256 first = stored.firstWord;
        answer.inDomain = first & Words.FLAG_IN_DOMAIN != 0;
        answer.unsaturated = first & Words.FLAG_UNSATURATED != 0;
        uint256 count = _models.specOf(asked.modelId).nOutputs;
        uint256[] memory words = new uint256[](Words.outputWords(count));
        words[0] = first;
        for (uint256 i = 1; i < words.length; ++i) {
            words[i] = stored.furtherWords[i - 1];
        }
        answer.outputs = Words.unpackOutputs(words, count);
    }

    /// @inheritdoc IDodonaOracle
    function callbackFailed(bytes32 id) external view returns (bool) {
        return _answers[id].callbackFailed;
    }

    /// @inheritdoc IDodonaOracle
    function creditOf(address account) external view returns (uint256) {
        return _creditOf[account];
    }

    /// @inheritdoc IDodonaOracle
    function totalEscrow() external view returns (uint256) {
        return _escrow;
    }

    /// @inheritdoc IDodonaOracle
    function totalCredits() external view returns (uint256) {
        return _credits;
    }

    /// @inheritdoc IDodonaOracle
    function contextOf(bytes32[] calldata ids, uint8 mode, address payee, uint64 expiry) public view returns (uint256) {
        return ProofContext.compute(block.chainid, address(this), mode, ids, payee, expiry);
    }

    /// @inheritdoc IDodonaOracle
    function requestIdOf(address requester, uint256 nonce, RequestParams calldata params)
        public
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(block.chainid, address(this), requester, nonce, params));
    }

    /// @inheritdoc IDodonaOracle
    function modelRegistry() external view returns (address) {
        return address(_models);
    }

    /// @inheritdoc IDodonaOracle
    function feedRegistry() external view returns (address) {
        return address(_feeds);
    }

    /// @inheritdoc IDodonaOracle
    function verifierRouter() external view returns (address) {
        return address(_router);
    }

    // ------------------------------------------------------- asking, internals

    function _setPrices(uint256 directFee_, uint256 aggregatedFee_, uint256 callbackGasPrice_) private {
        directFee = directFee_;
        aggregatedFee = aggregatedFee_;
        callbackGasPrice = callbackGasPrice_;
        emit PricesSet(directFee_, aggregatedFee_, callbackGasPrice_);
    }

    function _checkParams(RequestParams calldata params) private view {
        uint256 expected = quote(params);
        if (msg.value < expected) revert FeeTooLow(expected, msg.value);
        if (msg.value > type(uint96).max) revert FeeTooHigh(type(uint96).max, msg.value);
        if (params.callbackGasLimit > MAX_CALLBACK_GAS) {
            revert CallbackGasTooHigh(MAX_CALLBACK_GAS, params.callbackGasLimit);
        }
        uint256 latest = block.timestamp + MAX_LIFETIME;
        if (params.deadline <= block.timestamp || params.deadline > latest) {
            revert DeadlineOutOfRange(block.timestamp + 1, latest, params.deadline);
        }
    }

    /// @dev The version that the request is bound to, after checking that the model has a key for the mode.
    function _resolveVersion(RequestParams calldata params, IModelRegistry.ModelSpec memory spec)
        private
        view
        returns (uint32 version)
    {
        uint32 shape = params.mode == AGGREGATED ? spec.shape : 0;
        bool supported = params.mode == AGGREGATED ? shape != 0 : spec.directVerifierCodeHash != 0;
        if (!supported) revert ModeNotSupported(params.modelId, params.mode);
        version = params.verifierVersion;
        if (version == 0) return _router.latestOf(params.mode, shape);
        IVerifierRouter.Version memory entry = _router.versionOf(version);
        if (entry.mode != params.mode || entry.shape != shape) {
            revert VerifierVersionMismatch(version, params.mode, shape);
        }
    }

    /// @return hash 0 if the model has no public sources
    function _checkPublicWords(uint256[] calldata words, IModelRegistry.Source[] memory sources)
        private
        pure
        returns (bytes32 hash)
    {
        uint256 expected = 0;
        for (uint256 s = 0; s < sources.length; ++s) {
            if (sources[s].kind == 1) expected += Words.inputWords(sources[s].length);
        }
        if (words.length != expected) revert PublicWordCount(expected, words.length);
        if (expected == 0) return 0;
        for (uint256 i = 0; i < expected; ++i) {
            if (words[i] >= Words.R) revert WordNotInField(i, words[i]);
        }
        hash = keccak256(abi.encodePacked(words));
    }

    function _store(bytes32 id, RequestParams calldata params, uint32 version, bytes32 publicWordsHash) private {
        Request storage stored = _requests[id];
        stored.requester = msg.sender;
        stored.deadline = params.deadline;
        stored.status = Status.Open;
        stored.mode = params.mode;
        stored.allowLater = params.allowLater;
        stored.modelId = params.modelId;
        stored.refundTo = params.refundTo == address(0) ? msg.sender : params.refundTo;
        stored.fee = uint96(msg.value);
        stored.createdAt = uint64(block.timestamp);
        stored.maxDataAge = params.maxDataAge;
        stored.maxDeliveryAge = params.maxDeliveryAge;
        stored.callbackGasLimit = params.callbackGasLimit;
        stored.verifierVersion = version;
        if (publicWordsHash != 0) stored.publicWordsHash = publicWordsHash;
    }

    // ---------------------------------------------------- answering, internals

    /// @dev Model, mode and version of the first id, which all others must share.
    function _openBatch(bytes32[] calldata ids, uint8 mode) private view returns (Batch memory batch) {
        Request storage first = _requests[ids[0]];
        if (first.status == Status.None) revert RequestUnknown(ids[0]);
        if (first.mode != mode) revert ModeMismatch(ids[0], first.mode, mode);
        batch.modelId = first.modelId;
        batch.mode = mode;
        batch.version = first.verifierVersion;
        batch.spec = _models.specOf(batch.modelId);
        bool supported = mode == DIRECT
            ? ids.length == 1
            : ids.length <= batch.spec.vkDigests.length && batch.spec.vkDigests[ids.length - 1] != 0;
        if (!supported) revert BatchSizeNotSupported(batch.modelId, mode, ids.length);
        IModelRegistry.Source[] memory sources = batch.spec.sources;
        batch.perSlot = Words.outputWords(batch.spec.nOutputs);
        for (uint256 s = 0; s < sources.length; ++s) {
            batch.perSlot += sources[s].kind == 0 ? 1 : Words.inputWords(sources[s].length);
        }
    }

    function _outcomesOf(bytes32[] calldata ids, Batch memory batch) private view returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](ids.length);
        bool any = false;
        for (uint256 i = 0; i < ids.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                if (ids[i] == ids[j]) revert DuplicateId(ids[i]);
            }
            Request storage asked = _requests[ids[i]];
            if (asked.status == Status.None) revert RequestUnknown(ids[i]);
            if (asked.modelId != batch.modelId) revert ModelMismatch(ids[i], batch.modelId, asked.modelId);
            if (asked.mode != batch.mode) revert ModeMismatch(ids[i], asked.mode, batch.mode);
            if (asked.verifierVersion != batch.version) {
                revert VersionMismatch(ids[i], batch.version, asked.verifierVersion);
            }
            if (asked.status != Status.Open) outcomes[i] = Outcome.AlreadySettled;
            else if (block.timestamp > asked.deadline) outcomes[i] = Outcome.Expired;
            else any = true;
        }
        if (any) return outcomes;
        Request storage first = _requests[ids[0]];
        if (first.status != Status.Open) revert RequestNotOpen(ids[0], first.status);
        revert DeadlinePassed(ids[0], first.deadline, block.timestamp);
    }

    /// @dev Aggregated: padded with zeros to the shape's words. Direct: exactly the words in use.
    function _newWords(Batch memory batch, uint256 slots) private pure returns (uint256[] memory) {
        uint256 used = 1 + slots * batch.perSlot;
        if (batch.mode == DIRECT) return new uint256[](used);
        if (used > AGGREGATED_WORDS) revert TooManyWords(AGGREGATED_WORDS, used);
        return new uint256[](AGGREGATED_WORDS);
    }

    /// @dev Writes one slot's words. Observations of an id that is passed over are not checked: nothing comes of them.
    function _fillSlot(
        Batch memory batch,
        bytes32 id,
        Slot calldata slot,
        uint256[] memory words,
        uint256 at,
        Outcome outcome
    ) private view returns (Facts memory facts) {
        if (outcome == Outcome.Delivered) facts = _checkObservations(batch.spec.sources, id, slot);
        uint256 nextObservation = 0;
        uint256 nextPublic = 0;
        IModelRegistry.Source[] memory sources = batch.spec.sources;
        for (uint256 s = 0; s < sources.length; ++s) {
            if (sources[s].kind == 0) {
                if (nextObservation >= slot.observations.length) {
                    revert ObservationCount(id, nextObservation + 1, slot.observations.length);
                }
                words[at++] = slot.observations[nextObservation++].header.commitment;
            } else {
                uint256 end = nextPublic + Words.inputWords(sources[s].length);
                if (end > slot.publicWords.length) revert PublicWordsMismatch(id);
                while (nextPublic < end) words[at++] = slot.publicWords[nextPublic++];
            }
        }
        if (nextObservation != slot.observations.length) {
            revert ObservationCount(id, nextObservation, slot.observations.length);
        }
        _fillOutputs(batch.spec.nOutputs, id, slot.outputWords, words, at);
    }

    function _fillOutputs(uint256 nOutputs, bytes32 id, uint256[] calldata outputs, uint256[] memory words, uint256 at)
        private
        pure
    {
        uint256 expected = Words.outputWords(nOutputs);
        if (outputs.length != expected) revert OutputWordCount(id, expected, outputs.length);
        for (uint256 i = 0; i < expected; ++i) {
            uint256 word = outputs[i];
            if (word >= Words.R) revert WordNotInField(at + i, word);
            if (word & ~Words.outputMask(i, nOutputs) != 0) revert OutputWordMalformed(id, i, word);
            words[at + i] = word;
        }
    }

    function _checkObservations(IModelRegistry.Source[] memory sources, bytes32 id, Slot calldata slot)
        private
        view
        returns (Facts memory facts)
    {
        Request storage asked = _requests[id];
        bytes32 hash = slot.publicWords.length == 0 ? bytes32(0) : keccak256(abi.encodePacked(slot.publicWords));
        if (hash != asked.publicWordsHash) revert PublicWordsMismatch(id);
        facts.observedAt = asked.createdAt;
        facts.validUntil = type(uint64).max;
        facts.commitments = new uint256[](slot.observations.length);
        address[] memory publishers = new address[](sources.length);
        uint256 n = 0;
        for (uint256 s = 0; s < sources.length; ++s) {
            if (sources[s].kind != 0) continue;
            if (n >= slot.observations.length) revert ObservationCount(id, n + 1, slot.observations.length);
            IFeedRegistry.ObservationHeader calldata header = slot.observations[n].header;
            if (header.feedId != sources[s].feedId) revert WrongFeed(id, s, sources[s].feedId, header.feedId);
            publishers[n] = _feeds.verify(header, slot.observations[n].signature);
            facts.commitments[n] = header.commitment;
            _checkFreshness(asked, id, header);
            _checkQuorum(id, slot.observations, publishers, n);
            if (n == 0 || header.observedAt < facts.observedAt) facts.observedAt = header.observedAt;
            if (header.validUntil < facts.validUntil) facts.validUntil = header.validUntil;
            ++n;
        }
        uint256 maxAge = asked.maxDeliveryAge;
        if (maxAge != 0 && block.timestamp > facts.observedAt + maxAge) {
            revert DeliveredTooLate(id, block.timestamp - maxAge, facts.observedAt);
        }
    }

    function _checkFreshness(Request storage asked, bytes32 id, IFeedRegistry.ObservationHeader calldata header)
        private
        view
    {
        uint256 created = asked.createdAt;
        uint256 maxAge = asked.maxDataAge;
        uint256 earliest = maxAge > created ? 0 : created - maxAge;
        uint256 latest = created;
        if (header.observedAt > created && asked.allowLater) latest += _feeds.feedOf(header.feedId).period;
        if (header.observedAt < earliest || header.observedAt > latest) {
            revert ObservationOutOfWindow(id, earliest, latest, header.observedAt);
        }
        if (header.validUntil < created) revert ObservationNoLongerValid(id, created, header.validUntil);
    }

    /// @dev Source slots of one feed are filled by different publishers that saw the same moment.
    function _checkQuorum(bytes32 id, SignedHeader[] calldata observations, address[] memory publishers, uint256 n)
        private
        pure
    {
        IFeedRegistry.ObservationHeader calldata header = observations[n].header;
        for (uint256 t = 0; t < n; ++t) {
            IFeedRegistry.ObservationHeader calldata other = observations[t].header;
            if (other.feedId != header.feedId) continue;
            if (publishers[t] == publishers[n]) revert PublisherNotDistinct(id, publishers[n]);
            if (other.observedAt != header.observedAt) {
                revert MixedObservations(id, other.observedAt, header.observedAt);
            }
        }
    }

    function _checkProof(Batch memory batch, uint256 slots, uint256[] memory words, bytes calldata proof) private view {
        IProofVerifier verifier = IProofVerifier(_router.verifierOf(batch.version));
        uint256 key;
        if (batch.mode == AGGREGATED) {
            key = batch.spec.vkDigests[slots - 1];
        } else {
            address direct = _models.directVerifierOf(batch.modelId);
            if (direct == address(0)) revert DirectVerifierNotSet(batch.modelId);
            key = uint256(uint160(direct));
        }
        if (!verifier.verify(key, words, batch.spec.directProofLength, proof)) revert ProofRefused();
    }

    function _settle(Batch memory batch, bytes32 id, Slot calldata slot, Facts memory facts, address payee) private {
        Request storage asked = _requests[id];
        asked.status = Status.Fulfilled;
        StoredAnswer storage stored = _answers[id];
        stored.observedAt = facts.observedAt;
        stored.validUntil = facts.validUntil;
        stored.fulfilledAt = uint64(block.timestamp);
        stored.firstWord = slot.outputWords[0];
        for (uint256 i = 1; i < slot.outputWords.length; ++i) {
            stored.furtherWords.push(slot.outputWords[i]);
        }
        facts.outputs = Words.unpackOutputs(slot.outputWords, batch.spec.nOutputs);
        _credit(payee, asked.fee);
        _emitFulfilled(id, asked, facts, slot.outputWords[0], payee);
    }

    function _emitFulfilled(bytes32 id, Request storage asked, Facts memory facts, uint256 firstWord, address payee)
        private
    {
        emit Fulfilled(
            id,
            asked.modelId,
            payee,
            asked.fee,
            facts.observedAt,
            facts.validUntil,
            firstWord & Words.FLAG_IN_DOMAIN != 0,
            firstWord & Words.FLAG_UNSATURATED != 0,
            facts.commitments,
            facts.outputs
        );
    }

    /// @dev Moves `amount` from escrow to `account`'s credits.
    function _credit(address account, uint256 amount) private {
        _escrow -= uint128(amount);
        _credits += uint128(amount);
        _creditOf[account] += amount;
    }

    /// @dev Exactly the gas that was asked for, or the whole call reverts; what the callback does with it is its own affair.
    function _callback(bytes32 id) private {
        Request storage asked = _requests[id];
        uint256 limit = asked.callbackGasLimit;
        if (limit == 0) return;
        address requester = asked.requester;
        bytes memory data = abi.encodeCall(IDodonaCallback.onDodonaAnswer, (id, answerOf(id)));
        uint256 required = SafeCall.gasFor(limit);
        if (gasleft() < required) revert InsufficientCallbackGas(required, gasleft());
        (bool ok, bytes memory reason) = SafeCall.callWithGas(requester, limit, data, MAX_REASON);
        if (ok) return;
        _answers[id].callbackFailed = true;
        emit CallbackFailed(id, requester, reason);
    }
}
