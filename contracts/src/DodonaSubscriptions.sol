// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDodonaOracle} from "./interfaces/IDodonaOracle.sol";
import {IDodonaSubscriptions} from "./interfaces/IDodonaSubscriptions.sol";
import {IFeedRegistry} from "./interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "./interfaces/IVerifier.sol";
import {Words} from "./libraries/Words.sol";
import {ProofChecks} from "./oracle/ProofChecks.sol";

/// @title DodonaSubscriptions
/// @notice See IDodonaSubscriptions. No owner: each subscription has its own.
contract DodonaSubscriptions is IDodonaSubscriptions, ProofChecks, ReentrancyGuardTransient {
    using SafeCast for uint256;

    /// @dev Three slots.
    struct Entry {
        address owner;
        uint96 fee;
        bytes32 modelId;
        uint96 balance;
        uint32 version;
        uint32 heartbeat;
        uint32 maxDataAge;
        uint16 deviationBp;
        uint16 output;
        uint8 mode;
        bool open;
    }

    /// @dev One slot.
    struct Round {
        uint64 round;
        int64 value;
        uint40 observedAt;
        uint40 updatedAt;
        bool usable;
    }

    /// @dev One `deliver`, as it goes from step to step.
    struct Run {
        Batch batch;
        uint256[] words;
        Facts[] facts;
        IDodonaOracle.Outcome[] outcomes;
        address payee;
    }

    uint256 private constant ONE = 10_000;

    /// @inheritdoc IDodonaSubscriptions
    uint256 public totalFunds;
    /// @inheritdoc IDodonaSubscriptions
    uint256 public totalCredits;
    uint256 private _nonce;

    mapping(bytes32 id => Entry) private _entries;
    mapping(bytes32 id => Round) private _latest;
    mapping(bytes32 id => mapping(uint64 round => Round)) private _rounds;
    /// @dev Packed outputs of the newest round.
    mapping(bytes32 id => mapping(uint256 index => uint256)) private _words;
    /// @inheritdoc IDodonaSubscriptions
    mapping(address account => uint256) public creditOf;

    /// @param models_ model registry; must use the same feed registry.
    /// @param feeds_ feed registry.
    /// @param router_ verifier versions.
    constructor(IModelRegistry models_, IFeedRegistry feeds_, IVerifierRouter router_)
        ProofChecks(models_, feeds_, router_)
    {}

    // --------------------------------------------------------------- owners

    /// @inheritdoc IDodonaSubscriptions
    function subscribe(Params calldata params) external payable returns (bytes32 id) {
        if (params.mode > AGGREGATED) revert IDodonaOracle.UnknownMode(params.mode);
        if (params.heartbeat == 0) revert ZeroHeartbeat();
        IModelRegistry.ModelSpec memory spec = _models.openSpecOf(params.modelId);
        (, uint256 publicWords) = _count(spec.sources);
        if (publicWords != 0) revert PublicSourceRefused(params.modelId);
        if (params.output >= spec.nOutputs) revert OutputOutOfRange(spec.nOutputs, params.output);
        uint32 version = _resolveVersion(params.modelId, params.mode, params.verifierVersion, spec);
        uint256 nonce = _nonce++;
        id = keccak256(abi.encode(block.chainid, address(this), msg.sender, nonce, params));
        _entries[id] = Entry({
            owner: msg.sender,
            fee: params.fee,
            modelId: params.modelId,
            balance: msg.value.toUint96(),
            version: version,
            heartbeat: params.heartbeat,
            maxDataAge: params.maxDataAge,
            deviationBp: params.deviationBp,
            output: params.output,
            mode: params.mode,
            open: true
        });
        totalFunds += msg.value;
        emit Subscribed(id, msg.sender, params.modelId, nonce, params);
        if (msg.value != 0) emit Funded(id, msg.sender, msg.value, msg.value);
    }

    /// @inheritdoc IDodonaSubscriptions
    function fund(bytes32 id) external payable {
        Entry storage entry = _known(id);
        if (!entry.open) revert SubscriptionClosed(id);
        if (msg.value == 0) revert ZeroAmount();
        entry.balance += msg.value.toUint96();
        totalFunds += msg.value;
        emit Funded(id, msg.sender, msg.value, entry.balance);
    }

    /// @inheritdoc IDodonaSubscriptions
    function withdraw(bytes32 id, uint96 amount, address to) external nonReentrant {
        Entry storage entry = _owned(id);
        if (amount == 0) revert ZeroAmount();
        uint96 balance = entry.balance;
        if (amount > balance) revert BalanceTooLow(id, amount, balance);
        entry.balance = balance - amount;
        totalFunds -= amount;
        emit FundsWithdrawn(id, to, amount);
        _pay(to, amount);
    }

    /// @inheritdoc IDodonaSubscriptions
    function close(bytes32 id) external {
        Entry storage entry = _owned(id);
        if (!entry.open) revert SubscriptionClosed(id);
        uint96 balance = entry.balance;
        entry.open = false;
        entry.balance = 0;
        _credit(msg.sender, balance);
        emit Closed(id, balance);
    }

    // ------------------------------------------------------------- operators

    /// @inheritdoc IDodonaSubscriptions
    function deliver(
        Target[] calldata targets,
        uint8 mode,
        address payee,
        uint64 expiry,
        IDodonaOracle.Slot[] calldata slots,
        bytes calldata proof
    ) external nonReentrant returns (IDodonaOracle.Outcome[] memory) {
        if (targets.length == 0) revert IDodonaOracle.EmptyBatch();
        if (slots.length != targets.length) revert IDodonaOracle.SlotCount(targets.length, slots.length);
        if (payee == address(0)) revert IDodonaOracle.ZeroPayee();
        if (block.timestamp > expiry) revert IDodonaOracle.ProofExpired(expiry, block.timestamp);
        Run memory run = _startRun(targets, mode);
        run.words[0] = contextOf(targets, mode, payee, expiry);
        run.payee = payee;
        _judgeAll(run, targets, slots);
        _checkProof(run.batch, run.words, proof);
        for (uint256 i = 0; i < targets.length; ++i) {
            if (run.outcomes[i] == IDodonaOracle.Outcome.Delivered) _update(run, i, targets[i], slots[i]);
            else emit Passed(targets[i].id, targets[i].round, run.outcomes[i], run.facts[i].reason);
        }
        return run.outcomes;
    }

    /// @inheritdoc IDodonaSubscriptions
    function withdrawCredits(address to) external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        totalCredits -= amount;
        emit CreditsWithdrawn(msg.sender, to, amount);
        _pay(to, amount);
    }

    // --------------------------------------------------------------- reading

    /// @inheritdoc IDodonaSubscriptions
    function latestRound(bytes32 id) external view returns (uint64, int64, uint64, uint64, bool) {
        return _spread(_latest[id]);
    }

    /// @inheritdoc IDodonaSubscriptions
    function roundOf(bytes32 id, uint64 round_) external view returns (uint64, int64, uint64, uint64, bool) {
        return _spread(_rounds[id][round_]);
    }

    /// @inheritdoc IDodonaSubscriptions
    function latestOf(bytes32 id) external view returns (Latest memory latest) {
        Entry storage entry = _known(id);
        Round memory newest = _latest[id];
        if (newest.round == 0) return latest;
        latest.round = newest.round;
        latest.observedAt = newest.observedAt;
        latest.updatedAt = newest.updatedAt;
        uint256 count = _models.specOf(entry.modelId).nOutputs;
        uint256[] memory words = new uint256[](Words.outputWords(count));
        for (uint256 w = 0; w < words.length; ++w) {
            words[w] = _words[id][w];
        }
        latest.inDomain = words[0] & Words.FLAG_IN_DOMAIN != 0;
        latest.unsaturated = words[0] & Words.FLAG_UNSATURATED != 0;
        latest.outputs = Words.unpackOutputs(words, count);
    }

    /// @inheritdoc IDodonaSubscriptions
    function nextDueAt(bytes32 id) public view returns (uint64) {
        Entry storage entry = _known(id);
        if (!entry.open) return type(uint64).max;
        uint64 updatedAt = _latest[id].updatedAt;
        return updatedAt == 0 ? 0 : updatedAt + entry.heartbeat;
    }

    /// @inheritdoc IDodonaSubscriptions
    function isDue(bytes32 id, int64 value) external view returns (bool) {
        return block.timestamp >= nextDueAt(id) || (_entries[id].open && _deviates(_entries[id], _latest[id], value));
    }

    /// @inheritdoc IDodonaSubscriptions
    function subscriptionOf(bytes32 id) external view returns (Subscription memory subscription) {
        Entry storage entry = _known(id);
        subscription.owner = entry.owner;
        subscription.open = entry.open;
        subscription.balance = entry.balance;
        subscription.params = Params({
            modelId: entry.modelId,
            mode: entry.mode,
            verifierVersion: entry.version,
            heartbeat: entry.heartbeat,
            deviationBp: entry.deviationBp,
            output: entry.output,
            maxDataAge: entry.maxDataAge,
            fee: entry.fee
        });
    }

    /// @inheritdoc IDodonaSubscriptions
    function contextOf(Target[] calldata targets, uint8 mode, address payee, uint64 expiry)
        public
        view
        returns (uint256)
    {
        bytes32[] memory ids = new bytes32[](targets.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = keccak256(abi.encode(block.chainid, address(this), targets[i].id, targets[i].round));
        }
        return _contextOf(ids, mode, payee, expiry);
    }

    // ---------------------------------------------------------------- checks

    function _startRun(Target[] calldata targets, uint8 mode) private view returns (Run memory run) {
        bytes32 id = targets[0].id;
        Entry storage first = _known(id);
        if (first.mode != mode) revert IDodonaOracle.ModeMismatch(id, first.mode, mode);
        run.batch = _openBatch(first.modelId, mode, first.version, targets.length);
        run.words = _newWords(run.batch);
        run.facts = new Facts[](targets.length);
        run.outcomes = new IDodonaOracle.Outcome[](targets.length);
    }

    function _judgeAll(Run memory run, Target[] calldata targets, IDodonaOracle.Slot[] calldata slots) private view {
        bool any = false;
        for (uint256 i = 0; i < targets.length; ++i) {
            bytes32 id = targets[i].id;
            for (uint256 j = 0; j < i; ++j) {
                if (id == targets[j].id) revert IDodonaOracle.DuplicateId(id);
            }
            Entry storage entry = _known(id);
            if (i != 0) _checkSame(run.batch, id, entry);
            _fillSlot(run.batch, id, slots[i], run.words, 1 + i * run.batch.perSlot);
            run.outcomes[i] = _judge(run, i, targets[i], slots[i]);
            if (run.outcomes[i] == IDodonaOracle.Outcome.Delivered) any = true;
        }
        if (!any) _revertWith(run.facts[0].reason);
    }

    function _checkSame(Batch memory batch, bytes32 id, Entry storage entry) private view {
        if (entry.modelId != batch.modelId) {
            revert IDodonaOracle.ModelMismatch(id, batch.modelId, entry.modelId);
        }
        if (entry.mode != batch.mode) revert IDodonaOracle.ModeMismatch(id, entry.mode, batch.mode);
        if (entry.version != batch.version) revert IDodonaOracle.VersionMismatch(id, batch.version, entry.version);
    }

    function _judge(Run memory run, uint256 i, Target calldata target, IDodonaOracle.Slot calldata slot)
        private
        view
        returns (IDodonaOracle.Outcome)
    {
        uint64 expected = _latest[target.id].round + 1;
        if (target.round != expected) {
            run.facts[i].reason = abi.encodeWithSelector(WrongRound.selector, target.id, expected, target.round);
            return target.round < expected ? IDodonaOracle.Outcome.AlreadySettled : IDodonaOracle.Outcome.Rejected;
        }
        Entry storage entry = _entries[target.id];
        Facts memory facts = run.facts[i];
        facts.reason = _unpayable(target.id, entry);
        if (facts.reason.length == 0) {
            Rules memory rules = Rules({
                asOf: block.timestamp,
                maxDataAge: entry.maxDataAge,
                maxDeliveryAge: 0,
                allowLater: false,
                fixedBefore: false
            });
            _examine(run.batch.spec.sources, target.id, slot.observations, rules, facts);
            if (facts.reason.length == 0) {
                facts.reason = _untimely(target.id, entry, facts.observedAt, slot.outputWords);
            }
        }
        return facts.reason.length == 0 ? IDodonaOracle.Outcome.Delivered : IDodonaOracle.Outcome.Rejected;
    }

    function _unpayable(bytes32 id, Entry storage entry) private view returns (bytes memory) {
        if (!entry.open) return abi.encodeWithSelector(SubscriptionClosed.selector, id);
        if (entry.balance < entry.fee) {
            return abi.encodeWithSelector(BalanceTooLow.selector, id, entry.fee, entry.balance);
        }
        return "";
    }

    /// @dev Why this update is not the next one; empty if it is.
    function _untimely(bytes32 id, Entry storage entry, uint64 observedAt, uint256[] calldata words)
        private
        view
        returns (bytes memory)
    {
        Round memory last = _latest[id];
        if (observedAt <= last.observedAt) {
            return abi.encodeWithSelector(ObservationNotNewer.selector, id, last.observedAt, observedAt);
        }
        uint256 dueAt = last.round == 0 ? 0 : uint256(last.updatedAt) + entry.heartbeat;
        if (block.timestamp >= dueAt) return "";
        if (_usable(words[0]) && _deviates(entry, last, _watched(entry, words))) return "";
        return abi.encodeWithSelector(NotDue.selector, id, dueAt, block.timestamp);
    }

    /// @dev Exact: nothing is divided, so nothing is rounded.
    function _deviates(Entry storage entry, Round memory last, int64 value) private view returns (bool) {
        uint256 deviation = entry.deviationBp;
        if (deviation == 0) return false;
        if (last.round != 0 && !last.usable) return true;
        int256 change = int256(value) - last.value;
        if (change == 0) return false;
        uint256 size = uint256(change < 0 ? -change : change);
        uint256 base = uint256(last.value < 0 ? -int256(last.value) : int256(last.value));
        return size * ONE >= deviation * base;
    }

    // ----------------------------------------------------------------- state

    function _update(Run memory run, uint256 i, Target calldata target, IDodonaOracle.Slot calldata slot) private {
        bytes32 id = target.id;
        Entry storage entry = _entries[id];
        Round memory round = Round({
            round: target.round,
            value: _watched(entry, slot.outputWords),
            observedAt: uint40(run.facts[i].observedAt),
            updatedAt: uint40(block.timestamp),
            usable: _usable(slot.outputWords[0])
        });
        _latest[id] = round;
        _rounds[id][target.round] = round;
        for (uint256 w = 0; w < slot.outputWords.length; ++w) {
            _words[id][w] = slot.outputWords[w];
        }
        uint96 fee = entry.fee;
        entry.balance -= fee;
        _credit(run.payee, fee);
        _emitUpdated(run, target, fee, run.facts[i].observedAt, slot);
    }

    function _emitUpdated(
        Run memory run,
        Target calldata target,
        uint256 fee,
        uint64 observedAt,
        IDodonaOracle.Slot calldata slot
    ) private {
        uint256[] memory commitments = new uint256[](slot.observations.length);
        for (uint256 n = 0; n < commitments.length; ++n) {
            commitments[n] = slot.observations[n].header.commitment;
        }
        int64[] memory outputs = Words.unpackOutputs(slot.outputWords, run.batch.spec.nOutputs);
        bytes memory data = abi.encode(
            fee,
            observedAt,
            slot.outputWords[0] & Words.FLAG_IN_DOMAIN != 0,
            slot.outputWords[0] & Words.FLAG_UNSATURATED != 0,
            commitments,
            outputs
        );
        _log(target.id, target.round, run.payee, data);
    }

    /// @dev `Updated`, whose arguments are too many for the stack.
    function _log(bytes32 id, uint64 round, address payee, bytes memory data) private {
        bytes32 topic = Updated.selector;
        assembly ("memory-safe") {
            log4(add(data, 0x20), mload(data), topic, id, round, payee)
        }
    }

    /// @dev From balances to credits.
    function _credit(address account, uint256 amount) private {
        totalFunds -= amount;
        totalCredits += amount;
        creditOf[account] += amount;
    }

    // ---------------------------------------------------------------- pieces

    function _known(bytes32 id) private view returns (Entry storage entry) {
        entry = _entries[id];
        if (entry.owner == address(0)) revert SubscriptionUnknown(id);
    }

    function _owned(bytes32 id) private view returns (Entry storage entry) {
        entry = _known(id);
        if (msg.sender != entry.owner) revert NotSubscriptionOwner(entry.owner, msg.sender);
    }

    function _usable(uint256 firstWord) private pure returns (bool) {
        uint256 flags = Words.FLAG_IN_DOMAIN | Words.FLAG_UNSATURATED;
        return firstWord & flags == flags;
    }

    function _watched(Entry storage entry, uint256[] calldata words) private view returns (int64) {
        uint256 output = entry.output;
        return Words.outputLane(words[output / Words.OUTPUT_LANES], output % Words.OUTPUT_LANES);
    }

    function _spread(Round memory r) private pure returns (uint64, int64, uint64, uint64, bool) {
        return (r.round, r.value, r.observedAt, r.updatedAt, r.usable);
    }

    function _pay(address to, uint256 amount) private {
        if (to == address(0)) revert ZeroAddress();
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(to, amount);
    }
}
