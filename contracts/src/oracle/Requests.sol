// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Words} from "../libraries/Words.sol";
import {Fees} from "./Fees.sol";
import {Head, Heads} from "./Head.sol";
import {ProofChecks} from "./ProofChecks.sol";

/// @title Requests
/// @notice Asking, and how a request is kept. An ordinary one in ETH takes three slots.
abstract contract Requests is Fees, ProofChecks {
    /// @dev Second slot of a request. Ages saturate at 2^32 - 1 seconds, the base fee at 2^40 - 1 wei.
    struct Terms {
        uint96 fee;
        uint32 version;
        uint24 callbackGasLimit;
        uint32 maxDataAge;
        uint32 maxDeliveryAge;
        uint40 baseFee;
    }

    /// @dev A request and its answer. Behind `modelId` nothing is written unless it is needed.
    /// @param acceptance operator's number in the upper 32 bits, then 224 bits of keccak256(payee, observations).
    /// @param answer see `Fulfilment`.
    struct Entry {
        Head head;
        Terms terms;
        bytes32 modelId;
        address refundTo;
        uint96 penalty;
        address feeToken;
        bytes32 publicWordsHash;
        uint256 acceptance;
        uint256 answer;
        mapping(uint256 index => uint256) furtherWords;
    }

    /// @inheritdoc IDodonaOracle
    uint32 public constant MAX_CALLBACK_GAS = 5_000_000;
    /// @inheritdoc IDodonaOracle
    uint64 public constant MAX_LIFETIME = 30 days;
    /// @inheritdoc IDodonaOracle
    uint96 public constant LEAST_PENALTY = 0.01 ether;
    /// @inheritdoc IDodonaOracle
    uint96 public constant MAX_PENALTY = 100 ether;

    mapping(bytes32 id => Entry) internal _entries;

    /// @inheritdoc IDodonaOracle
    function request(RequestParams calldata params) external payable returns (bytes32 id) {
        _checkParams(params);
        IModelRegistry.ModelSpec memory spec = _models.openSpecOf(params.modelId);
        uint32 version = _resolveVersion(params.modelId, params.mode, params.verifierVersion, spec);
        bytes32 publicWordsHash = _checkPublicWords(params.publicWords, spec.sources);
        uint256 nonce = _takeNonce();
        id = requestIdOf(msg.sender, nonce, params);
        _store(_entries[id], params, version, publicWordsHash);
        emit Requested(id, params.modelId, msg.sender, nonce, uint64(block.timestamp), params.fee, version, params);
        _escrow(params.feeToken, params.fee);
    }

    /// @inheritdoc IDodonaOracle
    function increaseFee(bytes32 id, uint96 amount) external payable nonReentrant {
        if (amount == 0) revert ZeroAmount();
        Entry storage entry = _entries[id];
        Head head = _openHead(id);
        if (block.timestamp > head.deadline()) revert DeadlinePassed(id, head.deadline(), block.timestamp);
        uint256 fee = uint256(entry.terms.fee) + amount;
        if (fee > type(uint96).max) revert FeeTooHigh(type(uint96).max, fee);
        entry.terms.fee = uint96(fee);
        emit FeeIncreased(id, msg.sender, amount, fee);
        _escrow(_feeTokenOf(entry, head), amount);
    }

    /// @inheritdoc IDodonaOracle
    function requestOf(bytes32 id) external view returns (Request memory stored) {
        Entry storage entry = _entries[id];
        Head head = entry.head;
        if (head.status() == Status.None) revert RequestUnknown(id);
        stored.requester = head.requester();
        stored.deadline = head.status() == Status.Fulfilled ? 0 : head.deadline();
        stored.status = head.status();
        stored.mode = head.mode();
        stored.allowLater = head.allowLater();
        stored.modelId = entry.modelId;
        stored.refundTo = _refundToOf(entry, head);
        stored.createdAt = head.createdAt();
        Terms memory terms = entry.terms;
        stored.fee = terms.fee;
        stored.maxDataAge = terms.maxDataAge;
        stored.maxDeliveryAge = terms.maxDeliveryAge;
        stored.callbackGasLimit = terms.callbackGasLimit;
        stored.verifierVersion = terms.version;
        stored.publicWordsHash = entry.publicWordsHash;
        stored.feeToken = entry.feeToken;
        stored.penalty = _penaltyOf(entry, head);
        stored.baseFee = terms.baseFee;
    }

    /// @inheritdoc IDodonaOracle
    function statusOf(bytes32 id) external view returns (Status) {
        return _entries[id].head.status();
    }

    /// @inheritdoc IDodonaOracle
    function requestIdOf(address requester, uint256 nonce, RequestParams calldata params)
        public
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(block.chainid, address(this), requester, nonce, params));
    }

    // ------------------------------------------------------------- internals

    function _openHead(bytes32 id) internal view returns (Head head) {
        head = _entries[id].head;
        if (head.status() != Status.Open) revert RequestNotOpen(id, head.status());
    }

    function _feeTokenOf(Entry storage entry, Head head) internal view returns (address) {
        return head.byToken() ? entry.feeToken : ETH;
    }

    function _refundToOf(Entry storage entry, Head head) internal view returns (address) {
        return head.special() ? entry.refundTo : head.requester();
    }

    function _penaltyOf(Entry storage entry, Head head) internal view returns (uint96) {
        return head.special() ? entry.penalty : LEAST_PENALTY;
    }

    function _checkParams(RequestParams calldata params) private view {
        uint256 expected = quote(params);
        if (params.fee < expected) revert FeeTooLow(expected, params.fee);
        if (params.callbackGasLimit > MAX_CALLBACK_GAS) {
            revert CallbackGasTooHigh(MAX_CALLBACK_GAS, params.callbackGasLimit);
        }
        if (params.penalty > MAX_PENALTY) revert PenaltyTooHigh(MAX_PENALTY, params.penalty);
        uint256 latest = block.timestamp + MAX_LIFETIME;
        if (params.deadline <= block.timestamp || params.deadline > latest) {
            revert DeadlineOutOfRange(block.timestamp + 1, latest, params.deadline);
        }
    }

    /// @return hash 0 if the model has no public sources
    function _checkPublicWords(uint256[] calldata words, IModelRegistry.Source[] memory sources)
        private
        pure
        returns (bytes32 hash)
    {
        (, uint256 expected) = _count(sources);
        if (words.length != expected) revert PublicWordCount(expected, words.length);
        if (expected == 0) return 0;
        for (uint256 i = 0; i < expected; ++i) {
            if (words[i] >= Words.R) revert WordNotInField(i, words[i]);
        }
        hash = keccak256(abi.encodePacked(words));
    }

    function _store(Entry storage entry, RequestParams calldata params, uint32 version, bytes32 publicWordsHash)
        private
    {
        Head head = Heads.open(msg.sender, params.deadline, params.mode, params.allowLater);
        if (params.feeToken != ETH) {
            head = head.markByToken();
            entry.feeToken = params.feeToken;
        }
        address refundTo = params.refundTo == address(0) ? msg.sender : params.refundTo;
        if (refundTo != msg.sender || params.penalty > LEAST_PENALTY) {
            head = head.markSpecial();
            entry.refundTo = refundTo;
            entry.penalty = params.penalty > LEAST_PENALTY ? params.penalty : LEAST_PENALTY;
        }
        entry.head = head;
        entry.terms = Terms({
            fee: params.fee,
            version: version,
            callbackGasLimit: uint24(params.callbackGasLimit),
            maxDataAge: _saturate32(params.maxDataAge),
            maxDeliveryAge: _saturate32(params.maxDeliveryAge),
            baseFee: block.basefee > type(uint40).max ? type(uint40).max : uint40(block.basefee)
        });
        entry.modelId = params.modelId;
        if (publicWordsHash != 0) entry.publicWordsHash = publicWordsHash;
    }

    function _saturate32(uint64 value) private pure returns (uint32) {
        return value > type(uint32).max ? type(uint32).max : uint32(value);
    }
}
