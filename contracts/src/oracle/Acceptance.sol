// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IOperatorStaking} from "../interfaces/IOperatorStaking.sol";
import {Head} from "./Head.sol";
import {Requests} from "./Requests.sol";

/// @title Acceptance
/// @notice An operator's promise: from `accept` to its end, kept, missed or void. Refunds are here too, because they end one.
abstract contract Acceptance is Requests {
    uint256 private constant NUMBER = 224;

    /// @inheritdoc IDodonaOracle
    uint64 public constant ACCEPT_WINDOW = 15 minutes;
    /// @inheritdoc IDodonaOracle
    uint64 public constant CONTEST_PERIOD = 1 hours;
    /// @inheritdoc IDodonaOracle
    uint256 public constant COMPENSATED_GAS = 150_000;

    IOperatorStaking internal immutable _staking;

    /// @dev Operators by number, from 1: a number and a hash share one slot.
    mapping(uint256 number => address) private _operators;
    mapping(address operator => uint256) private _numberOf;
    uint256 private _operatorCount;

    constructor(IOperatorStaking staking_) {
        _staking = staking_;
    }

    /// @inheritdoc IDodonaOracle
    function accept(bytes32 id, address payee, SignedHeader[] calldata observations) external nonReentrant {
        Entry storage entry = _entries[id];
        Head head = _openHead(id);
        if (block.timestamp > head.deadline()) revert DeadlinePassed(id, head.deadline(), block.timestamp);
        if (payee == address(0)) revert ZeroPayee();
        if (head.window() != 0) revert AlreadyAccepted(id, _operatorOf(entry));
        _checkFixed(id, entry, head, observations);
        uint256 until = block.timestamp + ACCEPT_WINDOW;
        if (until > head.deadline()) until = head.deadline();
        uint224 commitment = _commit(payee, observations);
        entry.head = head.withWindow(until);
        entry.acceptance = (_numberFor(msg.sender) << NUMBER) | commitment;
        uint96 penalty = _penaltyOf(entry, head);
        emit Accepted(id, msg.sender, payee, uint64(until), penalty, commitment);
        _staking.reserve(msg.sender, penalty);
    }

    /// @inheritdoc IDodonaOracle
    function refund(bytes32 id) external nonReentrant {
        Entry storage entry = _entries[id];
        Head head = _openHead(id);
        bool over = block.timestamp > head.deadline();
        bool accepted = head.window() != 0;
        bool frozen = (!over || accepted) && _router.isFrozen(entry.terms.version);
        if (!over && !frozen) revert DeadlineNotPassed(id, head.deadline(), block.timestamp);
        entry.head = head.refund();
        address to = _refundToOf(entry, head);
        uint256 amount = entry.terms.fee;
        _credit(_feeTokenOf(entry, head), to, amount);
        emit Refunded(id, to, amount);
        if (!accepted) return;
        if (frozen) _voidAcceptance(id, entry, head);
        else emit AcceptanceMissed(id, _operatorOf(entry));
    }

    /// @inheritdoc IDodonaOracle
    function voidAcceptance(bytes32 id, address payee, SignedHeader[] calldata observations) external nonReentrant {
        Entry storage entry = _entries[id];
        if (entry.acceptance == 0) revert NotAccepted(id);
        if (_commit(payee, observations) != uint224(entry.acceptance)) revert AcceptanceMismatch(id);
        if (!_anyRevoked(observations)) revert AcceptanceStands(id);
        Head head = entry.head;
        if (head.status() == Status.Open) entry.head = head.withWindow(0);
        _voidAcceptance(id, entry, head);
    }

    /// @inheritdoc IDodonaOracle
    function settleMissed(bytes32 id) external nonReentrant {
        Entry storage entry = _entries[id];
        Head head = entry.head;
        if (entry.acceptance == 0) revert NotAccepted(id);
        if (head.status() == Status.Open) revert RequestStillOpen(id);
        uint256 contested = _missedAt(entry, head) + CONTEST_PERIOD;
        if (block.timestamp <= contested) revert ContestNotOver(id, contested, block.timestamp);
        if (_router.isFrozen(entry.terms.version)) {
            _voidAcceptance(id, entry, head);
            return;
        }
        address operator = _operatorOf(entry);
        uint256 penalty = _penaltyOf(entry, head);
        entry.acceptance = 0;
        uint256 compensation = COMPENSATED_GAS * entry.terms.baseFee;
        if (compensation > penalty / 2) compensation = penalty / 2;
        emit PenaltyTaken(id, operator, penalty, compensation);
        _staking.slash(operator, penalty, _refundToOf(entry, head), compensation);
    }

    /// @inheritdoc IDodonaOracle
    function acceptanceOf(bytes32 id) external view returns (Promise memory acceptance) {
        Entry storage entry = _entries[id];
        if (entry.acceptance == 0) revert NotAccepted(id);
        Head head = entry.head;
        acceptance.operator = _operatorOf(entry);
        acceptance.penalty = _penaltyOf(entry, head);
        acceptance.commitment = uint224(entry.acceptance);
        if (head.status() == Status.Open) acceptance.until = head.window();
        else acceptance.contestedUntil = uint64(_missedAt(entry, head)) + CONTEST_PERIOD;
    }

    // ------------------------------------------------------------- internals

    /// @dev When an answer by somebody else came, or when the time for any was over.
    function _missedAt(Entry storage entry, Head head) internal view virtual returns (uint256);

    function _rulesOf(Head head, Terms memory terms) internal pure returns (Rules memory) {
        return Rules({
            reference: head.createdAt(),
            maxDataAge: terms.maxDataAge,
            maxDeliveryAge: terms.maxDeliveryAge,
            allowLater: head.allowLater(),
            fixedBefore: false
        });
    }

    function _commit(address payee, SignedHeader[] calldata observations) internal pure returns (uint224) {
        return uint224(uint256(keccak256(abi.encode(payee, observations))));
    }

    function _operatorOf(Entry storage entry) internal view returns (address) {
        return _operators[entry.acceptance >> NUMBER];
    }

    /// @dev The promise was kept: its penalty is free again.
    function _keep(bytes32 id, Entry storage entry, Head head) internal {
        address operator = _operatorOf(entry);
        entry.acceptance = 0;
        emit AcceptanceKept(id, operator);
        _staking.release(operator, _penaltyOf(entry, head));
    }

    function _voidAcceptance(bytes32 id, Entry storage entry, Head head) private {
        address operator = _operatorOf(entry);
        entry.acceptance = 0;
        emit AcceptanceVoided(id, operator);
        _staking.release(operator, _penaltyOf(entry, head));
    }

    /// @dev Exactly what `fulfil` asks of observations, as of now.
    function _checkFixed(bytes32 id, Entry storage entry, Head head, SignedHeader[] calldata observations) private view {
        IModelRegistry.Source[] memory sources = _models.specOf(entry.modelId).sources;
        (uint256 committed,) = _count(sources);
        _checkObservationCount(id, committed, observations.length);
        Facts memory facts = _examine(sources, id, observations, _rulesOf(head, entry.terms));
        if (facts.reason.length != 0) _revertWith(facts.reason);
    }

    /// @dev Only a revocation voids: whatever else `recheck` may say is passed on.
    function _anyRevoked(SignedHeader[] calldata observations) private view returns (bool) {
        for (uint256 i = 0; i < observations.length; ++i) {
            bytes memory reason = _recheck(observations[i]);
            if (reason.length == 0) continue;
            if (bytes4(reason) == IFeedRegistry.PublisherIsRevoked.selector) return true;
            _revertWith(reason);
        }
        return false;
    }

    function _numberFor(address operator) private returns (uint256 number) {
        number = _numberOf[operator];
        if (number != 0) return number;
        number = ++_operatorCount;
        if (number > type(uint32).max) revert TooManyOperators(type(uint32).max);
        _numberOf[operator] = number;
        _operators[number] = operator;
    }
}
