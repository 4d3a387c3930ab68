// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IOperatorStaking
/// @notice Operators' stake in ETH, and what oracles have reserved of it. No owner: an operator itself names the
/// oracles that may reserve its stake, and only what one of them reserved can that same one slash.
/// @dev Amounts are wei. Stake is free, reserved or being unstaked. Unstaking takes from free stake only, so that it
/// waits for obligations by itself, and then for `UNSTAKE_DELAY`. WARNING: an oracle that an operator authorised can
/// reserve and slash all of its free stake. Authorise contracts whose code is known.
interface IOperatorStaking {
    /// @notice An operator's stake.
    /// @param staked free and reserved together.
    /// @param reserved sum over all oracles, never more than `staked`.
    /// @param unstaking on its way out, not in `staked`.
    /// @param availableAt first second at which `unstaking` may be withdrawn.
    struct Account {
        uint96 staked;
        uint96 reserved;
        uint96 unstaking;
        uint64 availableAt;
    }

    event Staked(address indexed operator, uint256 amount);
    event OracleAuthorised(address indexed operator, address indexed oracle, bool authorised);
    /// @notice `compensation` of `amount` was credited to `compensated`, the rest was burned.
    event Slashed(
        address indexed operator,
        address indexed oracle,
        uint256 amount,
        address indexed compensated,
        uint256 compensation
    );
    event UnstakeStarted(address indexed operator, uint256 amount, uint64 availableAt);
    event UnstakeCancelled(address indexed operator, uint256 amount);
    event Unstaked(address indexed operator, address indexed to, uint256 amount);
    event CompensationWithdrawn(address indexed account, address indexed to, uint256 amount);

    error ZeroAmount();
    error ZeroAddress();
    error NotAuthorised(address operator, address oracle);
    /// @notice Less stake is free than is to be reserved or unstaked.
    error FreeStakeTooLow(address operator, uint256 free, uint256 amount);
    /// @notice The calling oracle has reserved less than that.
    error ReservationTooLow(address operator, address oracle, uint256 reserved, uint256 amount);
    error CompensationTooHigh(uint256 max, uint256 got);
    error NothingToWithdraw(address account);
    error StillUnstaking(uint256 availableAt, uint256 timestamp);
    error TransferFailed(address to, uint256 amount);

    /// @notice Adds the call's value to the caller's stake.
    function stake() external payable;

    /// @notice Operator: lets `oracle` reserve its stake from now on.
    function authorise(address oracle) external;

    /// @notice Operator: `oracle` may reserve nothing more. What it has reserved stays reserved, and slashable by it.
    function withdrawAuthority(address oracle) external;

    /// @notice Operator: starts to unstake `amount` of its free stake. Amounts that are on their way already wait as
    /// long as the new one.
    function startUnstake(uint256 amount) external;

    /// @notice Operator: takes all that is being unstaked back into its stake.
    function cancelUnstake() external;

    /// @notice Operator: pays all that was unstaked to `to`, once its time has come.
    function withdrawUnstaked(address to) external returns (uint256 amount);

    /// @notice Pays all of the caller's compensations to `to`.
    function withdrawCompensation(address to) external returns (uint256 amount);

    /// @notice An oracle that `operator` authorised: reserves `amount` of its free stake. Oracles tell in events of
    /// their own what they reserve and release.
    function reserve(address operator, uint256 amount) external;

    /// @notice An oracle: frees `amount` of what it has reserved.
    function release(address operator, uint256 amount) external;

    /// @notice An oracle: takes `amount` of what it has reserved from `operator`. `compensation` of it is credited to
    /// `compensated`; the rest is burned, so that slashing oneself is no way out.
    function slash(address operator, uint256 amount, address compensated, uint256 compensation) external;

    function accountOf(address operator) external view returns (Account memory);

    /// @notice Stake that is neither reserved nor being unstaked.
    function freeStakeOf(address operator) external view returns (uint256);

    /// @notice What `oracle` has reserved of `operator`'s stake.
    function reservedBy(address operator, address oracle) external view returns (uint256);

    function isAuthorised(address operator, address oracle) external view returns (bool);

    /// @notice wei that `account` may withdraw as compensation.
    function compensationOf(address account) external view returns (uint256);

    /// @notice Sum of all stake, free, reserved or being unstaked. This contract holds at least `totalStake +
    /// totalCompensation`.
    function totalStake() external view returns (uint256);

    function totalCompensation() external view returns (uint256);

    /// @notice Seconds from `startUnstake` to `withdrawUnstaked`.
    function UNSTAKE_DELAY() external view returns (uint64);

    /// @notice Where burned ETH goes.
    function BURNED() external view returns (address);
}
