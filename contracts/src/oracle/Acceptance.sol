// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Head} from "./Head.sol";
import {Requests} from "./Requests.sol";

/// @title Acceptance
/// @notice An operator's promise, from `accept` to `voidAcceptance` or `settleMissed` (its keeping is `fulfil`'s).
/// `refund` is here too, because it ends one.
abstract contract Acceptance is Requests {
    /// @notice See IDodonaOracle.
    function accept(bytes32 id, address payee, IDodonaOracle.SignedHeader[] calldata observations)
        external
        nonReentrant
    {
        Entry storage entry = _entries[id];
        Head head = _openHead(id);
        if (block.timestamp > head.deadline()) {
            revert IDodonaOracle.DeadlinePassed(id, head.deadline(), block.timestamp);
        }
        if (payee == address(0)) revert IDodonaOracle.ZeroPayee();
        if (head.window() != 0) revert IDodonaOracle.AlreadyAccepted(id, _operatorOf(entry));
        _checkFixed(id, entry, head, observations);
        uint256 until = block.timestamp + WINDOW;
        if (until > head.deadline()) until = head.deadline();
        uint224 commitment = _commit(payee, observations);
        entry.head = head.withWindow(until);
        entry.acceptance = _acceptanceWord(_numberFor(msg.sender), commitment);
        uint96 penalty = _penaltyOf(entry, head);
        emit IDodonaOracle.Accepted(id, msg.sender, payee, uint64(until), penalty, commitment);
        _staking.reserve(msg.sender, penalty);
    }

    /// @notice See IDodonaOracle.
    function refund(bytes32 id) external nonReentrant {
        Entry storage entry = _entries[id];
        Head head = _openHead(id);
        bool over = block.timestamp > head.deadline();
        bool accepted = head.window() != 0;
        bool frozen = (!over || accepted) && _router.isFrozen(entry.terms.version);
        if (!over && !frozen) revert IDodonaOracle.DeadlineNotPassed(id, head.deadline(), block.timestamp);
        entry.head = head.refund();
        address to = _refundToOf(entry, head);
        uint256 amount = entry.terms.fee;
        _credit(_feeTokenOf(entry, head), to, amount);
        emit IDodonaOracle.Refunded(id, to, amount);
        if (!accepted) return;
        if (frozen) _voidAcceptance(id, entry, head);
        else emit IDodonaOracle.AcceptanceMissed(id, _operatorOf(entry));
    }

    /// @notice See IDodonaOracle.
    function voidAcceptance(bytes32 id, address payee, IDodonaOracle.SignedHeader[] calldata observations)
        external
        nonReentrant
    {
        Entry storage entry = _entries[id];
        if (entry.acceptance == 0) revert IDodonaOracle.NotAccepted(id);
        if (_commit(payee, observations) != uint224(entry.acceptance)) revert IDodonaOracle.AcceptanceMismatch(id);
        if (!_anyRevoked(observations)) revert IDodonaOracle.AcceptanceStands(id);
        Head head = entry.head;
        if (head.status() == IDodonaOracle.Status.Open) entry.head = head.withWindow(0);
        _voidAcceptance(id, entry, head);
    }

    /// @notice See IDodonaOracle.
    function settleMissed(bytes32 id) external nonReentrant {
        Entry storage entry = _entries[id];
        Head head = entry.head;
        if (entry.acceptance == 0) revert IDodonaOracle.NotAccepted(id);
        if (head.status() == IDodonaOracle.Status.Open) revert IDodonaOracle.RequestStillOpen(id);
        uint256 contested = _missedAt(entry, head) + CONTEST;
        if (block.timestamp <= contested) revert IDodonaOracle.ContestNotOver(id, contested, block.timestamp);
        if (_router.isFrozen(entry.terms.version)) {
            _voidAcceptance(id, entry, head);
            return;
        }
        address operator = _operatorOf(entry);
        uint256 penalty = _penaltyOf(entry, head);
        entry.acceptance = 0;
        uint256 compensation = GAS_BACK * entry.terms.baseFee;
        if (compensation > penalty / 2) compensation = penalty / 2;
        emit IDodonaOracle.PenaltyTaken(id, operator, penalty, compensation);
        _staking.slash(operator, penalty, _refundToOf(entry, head), compensation);
    }

    // ------------------------------------------------------------- internals

    function _voidAcceptance(bytes32 id, Entry storage entry, Head head) private {
        address operator = _operatorOf(entry);
        entry.acceptance = 0;
        emit IDodonaOracle.AcceptanceVoided(id, operator);
        _staking.release(operator, _penaltyOf(entry, head));
    }

    /// @dev Exactly what `fulfil` asks of observations, as of now.
    function _checkFixed(bytes32 id, Entry storage entry, Head head, IDodonaOracle.SignedHeader[] calldata observations)
        private
        view
    {
        IModelRegistry.Source[] memory sources = _models.specOf(entry.modelId).sources;
        (uint256 committed,) = _count(sources);
        _checkObservationCount(id, committed, observations.length);
        Rules memory rules = Rules({
            asOf: head.createdAt(),
            maxDataAge: entry.terms.maxDataAge,
            maxDeliveryAge: entry.terms.maxDeliveryAge,
            allowLater: head.allowLater(),
            fixedBefore: false
        });
        Facts memory facts;
        _examine(sources, id, observations, rules, facts);
        if (facts.reason.length != 0) _revertWith(facts.reason);
    }

    /// @dev Only a revocation voids: whatever else `recheck` may say is passed on.
    function _anyRevoked(IDodonaOracle.SignedHeader[] calldata observations) private view returns (bool) {
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
        if (number > type(uint32).max) revert IDodonaOracle.TooManyOperators(type(uint32).max);
        _numberOf[operator] = number;
        _operators[number] = operator;
    }
}
