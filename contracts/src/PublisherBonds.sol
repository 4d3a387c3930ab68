// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IPublisherBonds} from "./interfaces/IPublisherBonds.sol";

/// @title PublisherBonds
/// @notice See IPublisherBonds: the money of FeedRegistry. Which feeds exist and what an equivocation is, it does not
/// know.
/// @dev State before any transfer, and each transfer is the last thing that its function does, so that nothing is
/// gained by reentering.
abstract contract PublisherBonds is IPublisherBonds {
    uint256 private constant BPS = 10_000;
    /// @dev Nobody has its key and it has no code: sending to it cannot fail.
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IPublisherBonds
    uint64 public constant EVIDENCE_WINDOW = 45 days;
    /// @inheritdoc IPublisherBonds
    uint64 public constant UNBONDING_TIME = 60 days;
    /// @inheritdoc IPublisherBonds
    uint256 public constant BURNED_BPS = 8_000;

    /// @dev One slot each; read by `verify` for the bond and for the revocation at once.
    mapping(bytes32 feedId => mapping(address publisher => Bond)) internal _bonds;
    mapping(address reporter => uint256) private _rewards;
    uint128 private _totalBonds;
    uint128 private _totalRewards;

    /// @inheritdoc IPublisherBonds
    function requestUnbond(bytes32 feedId, uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        Bond storage entry = _bonds[feedId][msg.sender];
        uint256 bonded = entry.bonded;
        if (amount > bonded) revert UnbondTooHigh(feedId, msg.sender, bonded, amount);
        uint256 withdrawableAt = block.timestamp + UNBONDING_TIME;
        entry.bonded = uint96(bonded - amount);
        // What one publisher has at stake fits 96 bits as a whole (see `_bond`).
        entry.unbonding += uint96(amount);
        entry.withdrawableAt = uint40(withdrawableAt);
        emit UnbondRequested(feedId, msg.sender, amount, withdrawableAt);
    }

    /// @inheritdoc IPublisherBonds
    function withdrawBond(bytes32 feedId, address to) external returns (uint256 amount) {
        Bond storage entry = _bonds[feedId][msg.sender];
        amount = entry.unbonding;
        if (amount == 0) revert NothingUnbonding(feedId, msg.sender);
        uint256 withdrawableAt = entry.withdrawableAt;
        if (block.timestamp < withdrawableAt) {
            revert BondLocked(feedId, msg.sender, withdrawableAt, block.timestamp);
        }
        entry.unbonding = 0;
        entry.withdrawableAt = 0;
        _totalBonds -= uint128(amount);
        emit BondWithdrawn(feedId, msg.sender, to, amount);
        _send(to, amount);
    }

    /// @inheritdoc IPublisherBonds
    function withdrawReward(address to) external returns (uint256 amount) {
        amount = _rewards[msg.sender];
        if (amount == 0) revert NoReward(msg.sender);
        _rewards[msg.sender] = 0;
        _totalRewards -= uint128(amount);
        emit RewardWithdrawn(msg.sender, to, amount);
        _send(to, amount);
    }

    /// @inheritdoc IPublisherBonds
    function bondOf(bytes32 feedId, address publisher) external view returns (Bond memory) {
        return _bonds[feedId][publisher];
    }

    /// @inheritdoc IPublisherBonds
    function rewardOf(address reporter) external view returns (uint256) {
        return _rewards[reporter];
    }

    /// @inheritdoc IPublisherBonds
    function totalBonds() external view returns (uint256) {
        return _totalBonds;
    }

    /// @inheritdoc IPublisherBonds
    function totalRewards() external view returns (uint256) {
        return _totalRewards;
    }

    /// @dev Adds `msg.value`. Both parts of a bond together stay within 96 bits, so that neither can overflow later.
    function _bond(bytes32 feedId, address publisher) internal {
        if (msg.value == 0) revert ZeroAmount();
        Bond storage entry = _bonds[feedId][publisher];
        uint256 total = uint256(entry.bonded) + entry.unbonding + msg.value;
        if (total > type(uint96).max) revert BondTooHigh(type(uint96).max, total);
        entry.bonded += uint96(msg.value);
        _totalBonds += uint128(msg.value);
        emit Bonded(feedId, publisher, msg.sender, msg.value);
    }

    /// @dev Takes all of it, what is unbonding included. The reporter's part is rounded down, the burned one up.
    function _slash(bytes32 feedId, address publisher, address reporter) internal returns (uint256 rewarded) {
        Bond storage entry = _bonds[feedId][publisher];
        uint256 total = uint256(entry.bonded) + entry.unbonding;
        rewarded = total * (BPS - BURNED_BPS) / BPS;
        uint256 burned = total - rewarded;
        _bonds[feedId][publisher] = Bond({bonded: 0, unbonding: 0, withdrawableAt: 0, revoked: true, slashed: true});
        emit Slashed(feedId, publisher, reporter, rewarded, burned);
        if (total == 0) return 0;
        _totalBonds -= uint128(total);
        _totalRewards += uint128(rewarded);
        _rewards[reporter] += rewarded;
        _send(BURN, burned);
    }

    function _send(address to, uint256 amount) private {
        if (to == address(0)) revert ZeroRecipient();
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(to, amount);
    }
}
