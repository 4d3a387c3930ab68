// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @title IPrice
/// @notice Price of a unit of collateral in units of debt.
interface IPrice {
    /// @notice Units of debt for one unit of collateral, times 1e18; not 0.
    function price() external view returns (uint256);
}

/// @title ExamplePrice
/// @notice A price that its owner sets, for local networks.
contract ExamplePrice is IPrice, Ownable {
    /// @inheritdoc IPrice
    uint256 public price;

    error ZeroPrice();

    /// @param owner_ sets the price.
    /// @param price_ first price, 1e18 = one for one.
    constructor(address owner_, uint256 price_) Ownable(owner_) {
        setPrice(price_);
    }

    /// @notice Owner: sets the price (1e18 = one for one).
    function setPrice(uint256 price_) public {
        if (price != 0) _checkOwner();
        if (price_ == 0) revert ZeroPrice();
        price = price_;
    }
}
