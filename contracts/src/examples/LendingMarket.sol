// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IDodonaRiskOracle} from "../interfaces/IRiskOracle.sol";
import {IPrice} from "./ExamplePrice.sol";

/// @title LendingMarket
/// @notice One collateral, one debt token, no interest. Its risk parameters are the newest release of the risk oracle;
/// nobody, not even who deployed it, can set them.
/// @dev An example: it leaves out interest, caps and bad-debt handling. Values are in units of debt, ratios in basis
/// points. Rounding is always against the borrower.
contract LendingMarket is ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant ONE = 10_000;
    uint256 private constant PRICE_ONE = 1e18;

    IERC20 public immutable collateralToken;
    IERC20 public immutable debtToken;
    IPrice public immutable priceOracle;
    IDodonaRiskOracle public immutable riskOracle;
    /// @notice The `updateType` that this market follows; its `market` is the collateral token.
    string public updateType;

    uint256 private immutable _initialLtv;
    uint256 private immutable _initialLt;
    uint256 private immutable _initialLb;

    mapping(address account => uint256) public collateralOf;
    mapping(address account => uint256) public debtOf;

    event RiskParametersRequested(bytes32 indexed requestId, address indexed payer, uint256 fee);
    event Deposited(address indexed account, uint256 amount);
    event CollateralWithdrawn(address indexed account, uint256 amount);
    event Borrowed(address indexed account, uint256 amount);
    event Repaid(address indexed account, address indexed payer, uint256 amount);
    event Liquidated(address indexed account, address indexed liquidator, uint256 repaid, uint256 seized);

    error ExceedsLtv(uint256 maxDebt, uint256 debt);
    error Healthy(uint256 maxDebt, uint256 debt);
    error ExceedsBalance(uint256 balance, uint256 amount);
    error FeeTooLow(uint256 expected, uint256 got);
    error RefundFailed(address to, uint256 amount);
    error ZeroAmount();

    /// @param collateralToken_ token that backs loans.
    /// @param debtToken_ token that is lent; lenders send it here.
    /// @param priceOracle_ price of collateral in debt.
    /// @param riskOracle_ where the parameters come from.
    /// @param updateType_ its type.
    /// @param ltv_ loan-to-value until the first release, basis points.
    /// @param lt_ liquidation threshold until the first release, basis points.
    /// @param lb_ liquidation bonus until the first release, basis points (500 = 5 %).
    constructor(
        IERC20 collateralToken_,
        IERC20 debtToken_,
        IPrice priceOracle_,
        IDodonaRiskOracle riskOracle_,
        string memory updateType_,
        uint256 ltv_,
        uint256 lt_,
        uint256 lb_
    ) {
        collateralToken = collateralToken_;
        debtToken = debtToken_;
        priceOracle = priceOracle_;
        riskOracle = riskOracle_;
        updateType = updateType_;
        _initialLtv = ltv_;
        _initialLt = lt_;
        _initialLb = lb_;
    }

    /// @notice Anyone: pays for a new proven set of parameters. What is paid beyond the quote comes back at once; the fee
    /// comes back as credit in the oracle if nobody answers.
    /// @param mode 0 direct, 1 aggregated.
    function pokeRiskParameters(uint8 mode) external payable nonReentrant returns (bytes32 requestId) {
        uint256 fee = riskOracle.quoteUpdate(address(collateralToken), updateType, mode);
        if (msg.value < fee) revert FeeTooLow(fee, msg.value);
        requestId = riskOracle.requestUpdate{value: fee}(address(collateralToken), updateType, mode, msg.sender);
        emit RiskParametersRequested(requestId, msg.sender, fee);
        uint256 change = msg.value - fee;
        if (change == 0) return requestId;
        (bool ok,) = msg.sender.call{value: change}("");
        if (!ok) revert RefundFailed(msg.sender, change);
    }

    /// @notice Takes `amount` of collateral from the caller.
    function deposit(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        collateralOf[msg.sender] += amount;
        collateralToken.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(msg.sender, amount);
    }

    /// @notice Gives collateral back, as far as the loan-to-value allows.
    function withdrawCollateral(uint256 amount) external nonReentrant {
        uint256 balance = collateralOf[msg.sender];
        if (amount > balance) revert ExceedsBalance(balance, amount);
        collateralOf[msg.sender] = balance - amount;
        _requireWithinLtv(msg.sender);
        collateralToken.safeTransfer(msg.sender, amount);
        emit CollateralWithdrawn(msg.sender, amount);
    }

    /// @notice Lends `amount` to the caller, as far as the loan-to-value allows.
    function borrow(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        debtOf[msg.sender] += amount;
        _requireWithinLtv(msg.sender);
        debtToken.safeTransfer(msg.sender, amount);
        emit Borrowed(msg.sender, amount);
    }

    /// @notice Pays back `amount` of `account`'s debt.
    function repay(address account, uint256 amount) external nonReentrant {
        uint256 debt = debtOf[account];
        if (amount > debt) revert ExceedsBalance(debt, amount);
        debtOf[account] = debt - amount;
        debtToken.safeTransferFrom(msg.sender, address(this), amount);
        emit Repaid(account, msg.sender, amount);
    }

    /// @notice Repays `amount` for an account above its liquidation threshold, for collateral of that worth plus the bonus.
    /// @return seized collateral paid to the caller; never more than the account has
    function liquidate(address account, uint256 amount) external nonReentrant returns (uint256 seized) {
        if (amount == 0) revert ZeroAmount();
        (, uint256 lt, uint256 lb,) = riskParameters();
        uint256 debt = debtOf[account];
        uint256 maxDebt = _valueOf(collateralOf[account]) * lt / ONE;
        if (debt <= maxDebt) revert Healthy(maxDebt, debt);
        if (amount > debt) revert ExceedsBalance(debt, amount);
        seized = amount * PRICE_ONE * (ONE + lb) / (priceOracle.price() * ONE);
        uint256 balance = collateralOf[account];
        if (seized > balance) revert ExceedsBalance(balance, seized);
        debtOf[account] = debt - amount;
        collateralOf[account] = balance - seized;
        debtToken.safeTransferFrom(msg.sender, address(this), amount);
        collateralToken.safeTransfer(msg.sender, seized);
        emit Liquidated(account, msg.sender, amount, seized);
    }

    /// @notice The parameters in force, basis points, and the update they come from (0: the initial ones).
    function riskParameters() public view returns (uint256 ltv, uint256 lt, uint256 lb, uint256 updateId) {
        updateId = riskOracle.latestUpdateIdByMarketAndType(address(collateralToken), updateType);
        if (updateId == 0) return (_initialLtv, _initialLt, _initialLb, 0);
        uint256[] memory values = abi.decode(riskOracle.getUpdateById(updateId).newValue, (uint256[]));
        return (values[0], values[1], values[2], updateId);
    }

    /// @notice Debt that may stand against the collateral, over the debt, times 1e18; below 1e18 the account can be
    /// liquidated. 2^256 - 1 without debt.
    function healthFactor(address account) external view returns (uint256) {
        uint256 debt = debtOf[account];
        if (debt == 0) return type(uint256).max;
        (, uint256 lt,,) = riskParameters();
        return _valueOf(collateralOf[account]) * lt * PRICE_ONE / (ONE * debt);
    }

    function _requireWithinLtv(address account) private view {
        uint256 debt = debtOf[account];
        if (debt == 0) return;
        (uint256 ltv,,,) = riskParameters();
        uint256 maxDebt = _valueOf(collateralOf[account]) * ltv / ONE;
        if (debt > maxDebt) revert ExceedsLtv(maxDebt, debt);
    }

    function _valueOf(uint256 collateral) private view returns (uint256) {
        return collateral * priceOracle.price() / PRICE_ONE;
    }
}
