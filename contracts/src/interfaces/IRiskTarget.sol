// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IRiskValues
/// @notice Reads the parameters that a protocol uses now, in the order and units of an update type's vector.
interface IRiskValues {
    /// @notice The vector in force for `market`.
    /// @dev Units are the vector's: a protocol that keeps a bonus as 10,500 is read as 500 where the vector says so.
    function current(address market) external view returns (uint256[] memory values);
}

/// @title IRiskTarget
/// @notice A protocol's parameters as an injector sees them: a small adapter that holds the protocol's permission to set them
/// and takes orders from its injector alone.
/// @dev WARNING: the adapter is trusted by the protocol: it must refuse every caller of `set` but the injector.
interface IRiskTarget is IRiskValues {
    /// @notice Why the protocol itself would be left in a bad state by `values`, judged by what only it knows (a market's
    /// live exchange rate, a reserve that is frozen); empty if it would not.
    function refusal(address market, uint256[] calldata values) external view returns (bytes memory reason);

    /// @notice The injector: sets all fields, or reverts and sets none.
    function set(address market, uint256[] calldata values) external;
}
