// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IOperatorStaking} from "./interfaces/IOperatorStaking.sol";

/// @title OperatorStaking
/// @notice See IOperatorStaking. No owner, no upgrade, no other way out for stake than its operator's or a slash.
contract OperatorStaking is IOperatorStaking, ReentrancyGuardTransient {
    using SafeCast for uint256;

    /// @dev One slot: `reserve` and `release` touch nothing else of the account.
    struct Stake {
        uint96 staked;
        uint96 reserved;
    }

    struct Unstaking {
        uint96 amount;
        uint64 availableAt;
    }

    struct Link {
        uint96 reserved;
        bool authorised;
    }

    /// @inheritdoc IOperatorStaking
    uint64 public constant UNSTAKE_DELAY = 1 days;
    /// @inheritdoc IOperatorStaking
    address public constant BURNED = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IOperatorStaking
    uint256 public totalStake;
    /// @inheritdoc IOperatorStaking
    uint256 public totalCompensation;

    mapping(address operator => Stake) private _stakes;
    mapping(address operator => Unstaking) private _unstaking;
    mapping(address operator => mapping(address oracle => Link)) private _links;
    /// @inheritdoc IOperatorStaking
    mapping(address account => uint256) public compensationOf;

    /// @inheritdoc IOperatorStaking
    function stake() external payable {
        if (msg.value == 0) revert ZeroAmount();
        _stakes[msg.sender].staked += msg.value.toUint96();
        totalStake += msg.value;
        emit Staked(msg.sender, msg.value);
    }

    /// @inheritdoc IOperatorStaking
    function authorise(address oracle) external {
        _links[msg.sender][oracle].authorised = true;
        emit OracleAuthorised(msg.sender, oracle, true);
    }

    /// @inheritdoc IOperatorStaking
    function withdrawAuthority(address oracle) external {
        _links[msg.sender][oracle].authorised = false;
        emit OracleAuthorised(msg.sender, oracle, false);
    }

    // --------------------------------------------------------------- way out

    /// @inheritdoc IOperatorStaking
    function startUnstake(uint256 amount) external {
        if (amount == 0) revert ZeroAmount();
        _requireFree(msg.sender, amount);
        Unstaking storage unstaking = _unstaking[msg.sender];
        _stakes[msg.sender].staked -= uint96(amount);
        unstaking.amount += uint96(amount);
        unstaking.availableAt = uint64(block.timestamp) + UNSTAKE_DELAY;
        emit UnstakeStarted(msg.sender, amount, unstaking.availableAt);
    }

    /// @inheritdoc IOperatorStaking
    function cancelUnstake() external {
        uint96 amount = _unstaking[msg.sender].amount;
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        delete _unstaking[msg.sender];
        _stakes[msg.sender].staked += amount;
        emit UnstakeCancelled(msg.sender, amount);
    }

    /// @inheritdoc IOperatorStaking
    function withdrawUnstaked(address to) external nonReentrant returns (uint256 amount) {
        Unstaking memory unstaking = _unstaking[msg.sender];
        amount = unstaking.amount;
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        if (block.timestamp < unstaking.availableAt) revert StillUnstaking(unstaking.availableAt, block.timestamp);
        delete _unstaking[msg.sender];
        totalStake -= amount;
        emit Unstaked(msg.sender, to, amount);
        _pay(to, amount);
    }

    /// @inheritdoc IOperatorStaking
    function withdrawCompensation(address to) external nonReentrant returns (uint256 amount) {
        amount = compensationOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        compensationOf[msg.sender] = 0;
        totalCompensation -= amount;
        emit CompensationWithdrawn(msg.sender, to, amount);
        _pay(to, amount);
    }

    // --------------------------------------------------------------- oracles

    /// @inheritdoc IOperatorStaking
    function reserve(address operator, uint256 amount) external {
        Link storage link = _links[operator][msg.sender];
        if (!link.authorised) revert NotAuthorised(operator, msg.sender);
        _requireFree(operator, amount);
        _stakes[operator].reserved += uint96(amount);
        link.reserved += uint96(amount);
    }

    /// @inheritdoc IOperatorStaking
    function release(address operator, uint256 amount) external {
        _unreserve(operator, amount);
    }

    /// @inheritdoc IOperatorStaking
    function slash(address operator, uint256 amount, address compensated, uint256 compensation) external nonReentrant {
        if (compensation > amount) revert CompensationTooHigh(amount, compensation);
        if (compensated == address(0) && compensation != 0) revert ZeroAddress();
        _unreserve(operator, amount);
        _stakes[operator].staked -= uint96(amount);
        totalStake -= amount;
        if (compensation != 0) {
            compensationOf[compensated] += compensation;
            totalCompensation += compensation;
        }
        emit Slashed(operator, msg.sender, amount, compensated, compensation);
        _pay(BURNED, amount - compensation);
    }

    // --------------------------------------------------------------- reading

    /// @inheritdoc IOperatorStaking
    function accountOf(address operator) external view returns (Account memory) {
        Stake memory held = _stakes[operator];
        Unstaking memory unstaking = _unstaking[operator];
        return Account(held.staked, held.reserved, unstaking.amount, unstaking.availableAt);
    }

    /// @inheritdoc IOperatorStaking
    function freeStakeOf(address operator) public view returns (uint256) {
        Stake memory held = _stakes[operator];
        return held.staked - held.reserved;
    }

    /// @inheritdoc IOperatorStaking
    function reservedBy(address operator, address oracle) external view returns (uint256) {
        return _links[operator][oracle].reserved;
    }

    /// @inheritdoc IOperatorStaking
    function isAuthorised(address operator, address oracle) external view returns (bool) {
        return _links[operator][oracle].authorised;
    }

    // ------------------------------------------------------------- internals

    function _requireFree(address operator, uint256 amount) private view {
        uint256 free = freeStakeOf(operator);
        if (amount > free) revert FreeStakeTooLow(operator, free, amount);
    }

    /// @dev An authority that was withdrawn does not matter here: obligations outlive it.
    function _unreserve(address operator, uint256 amount) private {
        Link storage link = _links[operator][msg.sender];
        uint256 reserved = link.reserved;
        if (amount > reserved) revert ReservationTooLow(operator, msg.sender, reserved, amount);
        link.reserved = uint96(reserved - amount);
        _stakes[operator].reserved -= uint96(amount);
    }

    function _pay(address to, uint256 amount) private {
        if (to == address(0)) revert ZeroAddress();
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(to, amount);
    }
}
