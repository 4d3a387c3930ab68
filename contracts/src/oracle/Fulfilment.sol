// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaCallback, IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {SafeCall} from "../libraries/SafeCall.sol";
import {Words} from "../libraries/Words.sol";
import {Head} from "./Head.sol";
import {ProofChecks} from "./ProofChecks.sol";
import {OracleStore} from "./Store.sol";

/// @title Fulfilment
/// @notice Answers: checks, proof, state, callbacks, in this order.
abstract contract Fulfilment is IDodonaOracle, OracleStore, ProofChecks {
    /// @dev One `fulfil`, as it goes from step to step. `callbacks`: bit i is set if id i was delivered and wants to
    /// be called.
    struct Run {
        Batch batch;
        uint256[] words;
        Facts[] facts;
        bool[] kept;
        Outcome[] outcomes;
        address payee;
        uint256 callbacks;
    }

    /// @dev What `Fulfilled` says beside the facts.
    struct Notice {
        address payee;
        uint256 fee;
        uint256 firstWord;
        uint256[] commitments;
        int64[] outputs;
    }

    /// @dev Bytes of a callback's revert data that are copied.
    uint256 private constant MAX_REASON = 256;

    /// @inheritdoc IDodonaOracle
    function fulfil(
        bytes32[] calldata ids,
        uint8 mode,
        address payee,
        uint64 expiry,
        Slot[] calldata slots,
        bytes calldata proof
    ) external nonReentrant returns (Outcome[] memory) {
        if (ids.length == 0) revert EmptyBatch();
        if (slots.length != ids.length) revert SlotCount(ids.length, slots.length);
        if (payee == address(0)) revert ZeroPayee();
        if (block.timestamp > expiry) revert ProofExpired(expiry, block.timestamp);
        Run memory run = _startRun(ids, mode);
        run.words[0] = _contextOf(ids, mode, payee, expiry);
        run.payee = payee;
        _judgeAll(run, ids, slots);
        _checkProof(run.batch, run.words, proof);
        _settleAll(run, ids, slots);
        if (run.callbacks != 0) _callBack(run, ids);
        return run.outcomes;
    }

    /// @inheritdoc IDodonaOracle
    function retryCallback(bytes32 id) external nonReentrant {
        Entry storage entry = _entries[id];
        Head head = entry.head;
        if (!head.callbackFailed()) revert NoFailedCallback(id);
        entry.head = head.markCallbackFailed(false);
        bytes memory data = abi.encodeCall(IDodonaCallback.onDodonaAnswer, (id, answerOf(id)));
        uint256 required = SafeCall.gasFor(entry.terms.callbackGasLimit);
        uint256 left = gasleft();
        if (left < required) revert InsufficientCallbackGas(required, left);
        (bool ok, bytes memory reason) = SafeCall.callWithGas(head.requester(), left - left / 64, data, MAX_REASON);
        if (!ok) revert CallbackRefused(reason);
        emit CallbackRetried(id, head.requester());
    }

    /// @inheritdoc IDodonaOracle
    function answerOf(bytes32 id) public view returns (Answer memory) {
        Entry storage entry = _entries[id];
        if (entry.head.status() != Status.Fulfilled) revert RequestNotOpen(id, entry.head.status());
        return _answerOf(id, _models.specOf(entry.modelId).nOutputs);
    }

    /// @inheritdoc IDodonaOracle
    function callbackFailed(bytes32 id) external view returns (bool) {
        return _entries[id].head.callbackFailed();
    }

    /// @inheritdoc IDodonaOracle
    function contextOf(bytes32[] calldata ids, uint8 mode, address payee, uint64 expiry)
        external
        view
        returns (uint256)
    {
        return _contextOf(ids, mode, payee, expiry);
    }

    // ---------------------------------------------------------------- checks

    /// @dev Model, mode and version of the first id, which all others must share.
    function _startRun(bytes32[] calldata ids, uint8 mode) private view returns (Run memory run) {
        Entry storage first = _entries[ids[0]];
        Head head = first.head;
        if (head.status() == Status.None) revert RequestUnknown(ids[0]);
        if (head.mode() != mode) revert ModeMismatch(ids[0], head.mode(), mode);
        run.batch = _openBatch(first.modelId, mode, first.terms.version, ids.length);
        run.words = _newWords(run.batch);
        run.facts = new Facts[](ids.length);
        run.kept = new bool[](ids.length);
        run.outcomes = new Outcome[](ids.length);
    }

    /// @dev An outcome for each id, before anything is proved. With nothing to deliver the first id's reason is the
    /// call's.
    function _judgeAll(Run memory run, bytes32[] calldata ids, Slot[] calldata slots) private view {
        bool any = false;
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes32 id = ids[i];
            for (uint256 j = 0; j < i; ++j) {
                if (id == ids[j]) revert DuplicateId(id);
            }
            Entry storage entry = _entries[id];
            Head head = entry.head;
            if (i != 0) _checkSame(run.batch, id, entry, head);
            _fillSlot(run.batch, id, slots[i], run.words, 1 + i * run.batch.perSlot);
            Outcome outcome = _judge(run, i, id, head, slots[i]);
            if (outcome == Outcome.Delivered) any = true;
            run.outcomes[i] = outcome;
        }
        if (!any) _revertWith(run.facts[0].reason);
    }

    function _checkSame(Batch memory batch, bytes32 id, Entry storage entry, Head head) private view {
        if (head.status() == Status.None) revert RequestUnknown(id);
        bytes32 modelId = entry.modelId;
        if (modelId != batch.modelId) revert ModelMismatch(id, batch.modelId, modelId);
        if (head.mode() != batch.mode) revert ModeMismatch(id, head.mode(), batch.mode);
        uint32 version = entry.terms.version;
        if (version != batch.version) revert VersionMismatch(id, batch.version, version);
    }

    function _judge(Run memory run, uint256 i, bytes32 id, Head head, Slot calldata slot)
        private
        view
        returns (Outcome)
    {
        if (head.status() != Status.Open) {
            run.facts[i].reason = abi.encodeWithSelector(RequestNotOpen.selector, id, head.status());
            return Outcome.AlreadySettled;
        }
        if (block.timestamp > head.deadline()) {
            run.facts[i].reason = abi.encodeWithSelector(DeadlinePassed.selector, id, head.deadline(), block.timestamp);
            return Outcome.Expired;
        }
        _examineSlot(run, i, id, head, slot);
        return run.facts[i].reason.length == 0 ? Outcome.Delivered : Outcome.Rejected;
    }

    /// @dev An accepted request: until its window ends, only what was accepted; afterwards that or anything good.
    function _examineSlot(Run memory run, uint256 i, bytes32 id, Head head, Slot calldata slot) private view {
        Entry storage entry = _entries[id];
        Facts memory facts = run.facts[i];
        if (run.batch.publicWords != 0 && keccak256(abi.encodePacked(slot.publicWords)) != entry.publicWordsHash) {
            facts.reason = abi.encodeWithSelector(PublicWordsMismatch.selector, id);
            return;
        }
        Rules memory rules = Rules({
            asOf: head.createdAt(),
            maxDataAge: entry.terms.maxDataAge,
            maxDeliveryAge: entry.terms.maxDeliveryAge,
            allowLater: head.allowLater(),
            fixedBefore: false
        });
        uint256 window = head.window();
        if (window != 0) {
            rules.fixedBefore = _commit(run.payee, slot.observations) == uint224(entry.acceptance);
            run.kept[i] = rules.fixedBefore;
            if (!rules.fixedBefore && block.timestamp <= window) {
                facts.reason = abi.encodeWithSelector(AcceptedOtherwise.selector, id, window);
                return;
            }
        }
        _examine(run.batch.spec.sources, id, slot.observations, rules, facts);
    }

    // ----------------------------------------------------------------- state

    function _settleAll(Run memory run, bytes32[] calldata ids, Slot[] calldata slots) private {
        uint256 ethFees = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            Outcome outcome = run.outcomes[i];
            if (outcome == Outcome.Delivered) ethFees += _settle(run, i, ids[i], slots[i]);
            else if (outcome == Outcome.Rejected) emit Rejected(ids[i], run.facts[i].reason);
            else emit Skipped(ids[i], outcome);
        }
        if (ethFees != 0) _credit(ETH, run.payee, ethFees);
    }

    /// @return ethFee what the payee is still to be credited
    function _settle(Run memory run, uint256 i, bytes32 id, Slot calldata slot) private returns (uint256 ethFee) {
        Entry storage entry = _entries[id];
        Head head = entry.head;
        Facts memory facts = run.facts[i];
        entry.head = head.fulfil(facts.validUntil);
        _storeAnswer(entry, head, facts, slot.outputWords);
        uint256 fee = entry.terms.fee;
        if (entry.terms.callbackGasLimit != 0) run.callbacks |= 1 << i;
        if (head.byToken()) _credit(entry.feeToken, run.payee, fee);
        else ethFee = fee;
        _emitFulfilled(id, run.batch.modelId, facts, _noticeOf(run, fee, slot));
        if (head.window() == 0) return ethFee;
        if (run.kept[i]) _keep(id, entry, head);
        else emit AcceptanceMissed(id, _operatorOf(entry));
    }

    function _storeAnswer(Entry storage entry, Head head, Facts memory facts, uint256[] calldata words) private {
        entry.answer =
            words[0] | (uint256(facts.observedAt) << OBSERVED) | ((block.timestamp - head.createdAt()) << DELAY);
        for (uint256 w = 1; w < words.length; ++w) {
            entry.furtherWords[w] = words[w];
        }
    }

    function _noticeOf(Run memory run, uint256 fee, Slot calldata slot) private pure returns (Notice memory notice) {
        notice.payee = run.payee;
        notice.fee = fee;
        uint256[] memory words = slot.outputWords;
        notice.firstWord = words[0];
        notice.outputs = Words.unpackOutputs(words, run.batch.spec.nOutputs);
        SignedHeader[] calldata observations = slot.observations;
        uint256[] memory commitments = new uint256[](observations.length);
        for (uint256 n = 0; n < commitments.length; ++n) {
            commitments[n] = observations[n].header.commitment;
        }
        notice.commitments = commitments;
    }

    function _emitFulfilled(bytes32 id, bytes32 modelId, Facts memory facts, Notice memory notice) private {
        emit Fulfilled(
            id,
            modelId,
            notice.payee,
            notice.fee,
            facts.observedAt,
            facts.validUntil,
            notice.firstWord & Words.FLAG_IN_DOMAIN != 0,
            notice.firstWord & Words.FLAG_UNSATURATED != 0,
            notice.commitments,
            notice.outputs
        );
    }

    function _answerOf(bytes32 id, uint256 nOutputs) private view returns (Answer memory answer) {
        Entry storage entry = _entries[id];
        Head head = entry.head;
        uint256 first = entry.answer;
        answer.modelId = entry.modelId;
        answer.observedAt = uint40(first >> OBSERVED);
        answer.validUntil = head.validUntil();
        answer.fulfilledAt = head.createdAt() + uint64(first >> DELAY);
        answer.inDomain = first & Words.FLAG_IN_DOMAIN != 0;
        answer.unsaturated = first & Words.FLAG_UNSATURATED != 0;
        uint256[] memory words = new uint256[](Words.outputWords(nOutputs));
        words[0] = first;
        for (uint256 w = 1; w < words.length; ++w) {
            words[w] = entry.furtherWords[w];
        }
        answer.outputs = Words.unpackOutputs(words, nOutputs);
    }

    /// @dev The promise was kept: its penalty is free again.
    function _keep(bytes32 id, Entry storage entry, Head head) private {
        address operator = _operatorOf(entry);
        entry.acceptance = 0;
        emit AcceptanceKept(id, operator);
        _staking.release(operator, _penaltyOf(entry, head));
    }

    // ------------------------------------------------------------- callbacks

    function _callBack(Run memory run, bytes32[] calldata ids) private {
        for (uint256 i = 0; i < ids.length; ++i) {
            if (run.callbacks & (1 << i) != 0) _callback(ids[i], run.batch.spec.nOutputs);
        }
    }

    /// @dev Exactly the gas that was asked for, or the whole call reverts; what the callback does with it is its own
    /// affair.
    function _callback(bytes32 id, uint256 nOutputs) private {
        Entry storage entry = _entries[id];
        uint256 limit = entry.terms.callbackGasLimit;
        address requester = entry.head.requester();
        bytes memory data = abi.encodeCall(IDodonaCallback.onDodonaAnswer, (id, _answerOf(id, nOutputs)));
        uint256 required = SafeCall.gasFor(limit);
        if (gasleft() < required) revert InsufficientCallbackGas(required, gasleft());
        (bool ok, bytes memory reason) = SafeCall.callWithGas(requester, limit, data, MAX_REASON);
        if (ok) return;
        entry.head = entry.head.markCallbackFailed(true);
        emit CallbackFailed(id, requester, reason);
    }
}
